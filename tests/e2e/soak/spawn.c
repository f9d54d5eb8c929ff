/* Runs commands, one after another, and tells what each cost.
 *
 *   spawn COMMAND... [-- COMMAND...]...
 *
 * A byte on standard input, 0 for the first command, asks for one run. The answer is a line, "exit kilobytes faults length
 * length", and what came on standard output and standard error, of these lengths. Killed by a signal: its number, negative.
 *
 * A program of its own because the kernel counts what the parent holds at the time to a child's peak, and Python holds
 * ten times as much as what is measured here.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_COMMANDS = 16, MOST_BYTES = 4096 };

static void must(int holds, const char *what) {
    if (!holds) {
        perror(what);
        exit(1);
    }
}

/* What is in a pipe that nobody writes to any more. */
static int take(int from, char *bytes) {
    int length = read(from, bytes, MOST_BYTES);
    return length < 0 ? 0 : length;
}

static void run(char **command, int streams[2][2], int nothing, int answers) {
    static char out[MOST_BYTES], err[MOST_BYTES], line[64];
    char *environment[] = {NULL};
    struct rusage usage;
    int status, length, out_length, err_length;
    pid_t child = vfork();
    must(child >= 0, "vfork");
    if (child == 0) {
        dup2(nothing, 0);
        dup2(streams[0][1], 1);
        dup2(streams[1][1], 2);
        execve(command[0], command, environment);
        _exit(127);
    }
    must(wait4(child, &status, 0, &usage) == child, "wait4");
    out_length = take(streams[0][0], out);
    err_length = take(streams[1][0], err);
    length = snprintf(line, sizeof line, "%d %ld %ld %d %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
                      usage.ru_maxrss, usage.ru_minflt, out_length, err_length);
    must(write(answers, line, length) == length && write(answers, out, out_length) == out_length &&
             write(answers, err, err_length) == err_length, "write");
}

int main(int count, char **words) {
    char **commands[MOST_COMMANDS];
    int streams[2][2], at, known = 0;
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC), answers = fcntl(1, F_DUPFD_CLOEXEC, 3);
    unsigned char wanted;
    for (at = 1; at < count; at++) {
        if (strcmp(words[at - 1], "--") == 0 || at == 1) {
            must(known < MOST_COMMANDS, "too many commands");
            commands[known++] = &words[at];
        }
    }
    for (at = 1; at < count; at++) {
        if (strcmp(words[at], "--") == 0) {
            words[at] = NULL;
        }
    }
    must(nothing >= 0 && answers >= 0, "descriptors");
    for (at = 0; at < 2; at++) {
        must(pipe2(streams[at], O_CLOEXEC) == 0 && fcntl(streams[at][0], F_SETFL, O_NONBLOCK) == 0, "pipe2");
    }
    while (read(0, &wanted, 1) == 1) {
        must(wanted < known, "no such command");
        run(commands[wanted], streams, nothing, answers);
    }
    return 0;
}
