"""The compiled core: an accelerator of this room that the package can do without, loaded by `library`."""
