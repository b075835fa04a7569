"""Runs a kernel on Linux and ends every process it started, however it or the server ends.

A program of its own, started by path in a bare interpreter, so that it costs little:

    python -I -S supervisor.py CONTROL [FOLDER…] -- COMMAND…

``CONTROL`` is a socket's descriptor whose other end the server holds. The server writes

- ``i``: end all that the kernel started, but not the kernel; answered by an ``i`` when done;
- ``k``: end everything;
- ``s`` and a byte: send that signal to the kernel's process group.

When the server's end closes (it was killed, say), everything ends and the FOLDERs are removed.
The supervisor outlives every process of its sandbox: when it has exited, all are gone. Its exit
status is the kernel's, or 128 + the number of the signal that ended the kernel.
"""

# The imports that these rules ask for would double the time this program takes to start.
# ruff: noqa: PTH123, PTH208, SIM105

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SWEEP_SECONDS = 2.0

_libc = ctypes.CDLL(None, use_errno=True)


class Supervisor:
    """The kernel of one sandbox and all that descends from it."""

    def __init__(self, control: int, folders: list[str], command: list[str]) -> None:
        self._control = control
        self._folders = folders
        # Orphans of the sandbox become children of this process rather than of init.
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        self._wakeup, wakeup = os.pipe()
        for descriptor in (self._wakeup, wakeup, control):
            os.set_blocking(descriptor, False)
            os.set_inheritable(descriptor, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._kernel = self._start(command)

    def _start(self, command: list[str]) -> int:
        supervisor = os.getpid()
        pid = os.fork()
        if pid:
            return pid
        try:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.setsid()
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == supervisor:  # else it died before the line above
                os.execvp(command[0], command)
        except OSError as error:
            os.write(2, f"{command[0]}: {error.strerror}\n".encode(errors="replace"))
        finally:
            os._exit(127)

    def run(self) -> None:
        """Serve the server's commands until the kernel or the server ends. Does not return."""
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._wakeup, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self._wakeup:
                    self._drain_wakeup()
                    self._reap()
                else:
                    self._obey()

    def _obey(self) -> None:
        try:
            commands = os.read(self._control, 256)
        except BlockingIOError:
            return
        except OSError:
            commands = b""
        if not commands:
            self._end(128 + signal.SIGKILL, remove=True)
        at = 0
        while at < len(commands):
            command = commands[at : at + 1]
            at += 1
            if command == b"i":
                self._sweep(spare_kernel=True)
                try:
                    os.write(self._control, b"i")
                except OSError:
                    return
            elif command == b"k":
                self._end(128 + signal.SIGKILL)
            elif command == b"s" and at < len(commands):
                _signal_group(self._kernel, commands[at])
                at += 1

    def _drain_wakeup(self) -> None:
        try:
            while os.read(self._wakeup, 4096):
                pass
        except BlockingIOError:
            pass

    def _reap(self) -> None:
        """Collect every child that ended; when it is the kernel, end the rest and exit."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._kernel:
                code = os.waitstatus_to_exitcode(status)
                self._kernel = 0
                self._end(code if code >= 0 else 128 - code)

    def _end(self, status: int, *, remove: bool = False) -> None:
        self._kernel = 0
        self._sweep(spare_kernel=False)
        if remove:
            import shutil

            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)
        os._exit(status)

    def _sweep(self, *, spare_kernel: bool) -> None:
        """Kill every descendant. The kernel, when spared, stands still meanwhile.

        When it is not spared, returns only when the last descendant has left the process table:
        one whose first thread has ended already may have others that still run.
        """
        spared = self._kernel if spare_kernel else 0
        deadline = time.monotonic() + _SWEEP_SECONDS
        if spared:
            _signal(spared, signal.SIGSTOP)
        try:
            while time.monotonic() < deadline or not spared:
                descendants = _descendants(os.getpid(), spared)
                if not descendants and (spared or self._collect()):
                    return
                # All stand still before the first dies: none can fork away from the sweep.
                for pid in descendants:
                    _signal(pid, signal.SIGSTOP)
                for pid in _descendants(os.getpid(), spared):
                    _signal(pid, signal.SIGKILL)
                time.sleep(0.002)
        finally:
            if spared:
                _signal(spared, signal.SIGCONT)

    @staticmethod
    def _collect() -> bool:
        """Collect the children that ended; return whether none is left."""
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        return False


def _descendants(root: int, spared: int) -> list[int]:
    """Pids of the living descendants of ``root``, except ``spared`` (its own are included)."""
    children: dict[int, list[tuple[int, bytes]]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                stat = file.read()
        except OSError:
            continue
        # "pid (name) state ppid …", where the name may hold spaces and brackets.
        state, parent, _ = stat[stat.rindex(b")") + 2 :].split(maxsplit=2)
        children.setdefault(int(parent), []).append((int(name), state))
    found = []
    pending = [root]
    while pending:
        for pid, state in children.get(pending.pop(), ()):
            pending.append(pid)
            if pid != spared and state not in b"ZX":
                found.append(pid)
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except OSError:
        pass


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except OSError:
        pass


def main(arguments: list[str]) -> None:
    """Run the supervisor as the command line says. Does not return."""
    end = arguments.index("--")
    Supervisor(int(arguments[0]), arguments[1:end], arguments[end + 1 :]).run()


if __name__ == "__main__":
    main(sys.argv[1:])
