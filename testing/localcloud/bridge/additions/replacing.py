"""How functions of ministack are replaced."""

import contextvars
import functools
import logging
import threading

log = logging.getLogger("bridge")


def replaces(module, name):
    """Put the decorated function in the place of `module.name`, passing it the original first."""

    def decorate(function):
        original = getattr(module, name)
        replacement = functools.wraps(original)(functools.partial(function, original))
        setattr(module, name, replacement)
        return replacement

    return decorate


def in_background(function, *args):
    threading.Thread(target=contextvars.copy_context().run, args=(function, *args), daemon=True).start()
