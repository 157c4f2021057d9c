"""Do the examples prove the rules? Weaken each predicate in turn; some example must notice.

python -m tests.mutation [RULE…]
"""
