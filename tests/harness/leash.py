"""Runs a command, and ends it with everything it started as soon as standard input closes.

The tests hold the other end of that pipe. However they end (in order, by a panic, killed), the pipe closes with them,
so that no server and no function is left running. What ends the tests may reach this process as well (Ctrl-C in a terminal
goes to both, and so does `timeout`): then it ends the command first.
"""

import os
import signal
import subprocess
import sys
import threading

child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)


def end_all():
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def on_signal(*_):
    end_all()
    os._exit(1)


for caught in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(caught, on_signal)


def wait_for_the_pipe():
    sys.stdin.buffer.read()
    end_all()


for ending in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(ending, lambda *_: end_all())
threading.Thread(target=wait_for_the_pipe, daemon=True).start()
status = child.wait()
end_all()
# Not `sys.exit`, which would wait for the thread that reads the pipe.
os._exit(status & 0xFF)
