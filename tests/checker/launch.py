"""Start a command with the signal actions and the mask that a terminal would give it.

python launch.py COMMAND [ARGUMENT ...]

A job in the background of a script inherits an ignored SIGINT, and a server that relies
on the default would then seem deaf to Ctrl-C. exec() keeps what is set here.
"""

import os
import signal
import sys

for name in ("SIGINT", "SIGTERM", "SIGCHLD", "SIGPIPE"):
    signal.signal(getattr(signal, name), signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, [])
os.execvp(sys.argv[1], sys.argv[1:])
