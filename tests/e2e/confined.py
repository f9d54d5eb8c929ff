"""Runs a command under a seccomp filter of Debian's libseccomp, the library by which runc and crun make theirs.

    python3 confined.py ANSWER CALL,CALL... COMMAND...

ANSWER is what any other system call gets: `kill`, or the number of an error. A call that this architecture does not have
is passed over, as by a runtime.
"""

import ctypes
import os
import sys

KILL_PROCESS = 0x80000000
ERRNO = 0x00050000
ALLOW = 0x7FFF0000
UNKNOWN = -1


def confine(answer, calls) -> None:
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    otherwise = KILL_PROCESS if answer == "kill" else ERRNO | int(answer)
    # It asks for no new privileges by itself.
    made = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(otherwise)))
    for call in calls:
        number = library.seccomp_syscall_resolve_name(call.encode())
        if number == UNKNOWN:
            sys.exit(f"no architecture has a system call {call}")
        if number >= 0:
            code = library.seccomp_rule_add(made, ctypes.c_uint32(ALLOW), ctypes.c_int(number), ctypes.c_uint(0))
            assert code == 0, (call, code)
    code = library.seccomp_load(made)
    assert code == 0, code


def main(answer, calls, *command):
    arguments = [argument.encode() for argument in command]
    confine(answer, calls.split(","))
    os.execve(arguments[0], arguments, {})


main(*sys.argv[1:])
