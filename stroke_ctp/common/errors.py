"""Errors that a person can act on."""


class UserError(Exception):
    """What is wrong, in one sentence: the parameter, the rule, the value received and the way out.

    Commands print it without a traceback and end with exit status 1. Every other exception is a defect
    of this package and keeps its traceback.
    """
