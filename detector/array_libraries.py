"""Imported first by the server that worker processes are forked from: keeps numpy and pandas out of all of them."""

from __future__ import annotations

from detector.interpreter import keep_out_array_libraries

keep_out_array_libraries()
