// The application of the probed pods: one process, one thread, so that limits of processes can be counted exactly.
//
//   application CONTROL PORT...   answers GET on every port; without a port it only waits, as a pod's pause does
//
// A port may be `127.0.0.1:PORT`: it is then listened on from the pod itself alone.
//
// The paths below are well, and answer 200, unless a file of the same name in the folder CONTROL holds another status.
// Every other path is 404, so that a wrong one in an example is found.
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const paths[] = {
    "healthz", "livez", "readyz", "startupz", "foo" /* of Istio's sample */,
    // Istio's sidecar's and Linkerd's.
    "healthz/ready", "ready",
};

static void leave(int signal) {
    (void)signal;
    _exit(0);
}

// Process 1 inherits children it never had: those of probes that were killed.
static void reap(int signal) {
    (void)signal;
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
}

static int status(const char *control, const char *path) {
    char name[4096];
    int found = 404;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        if (strcmp(path, paths[i]) == 0) found = 200;
    }
    snprintf(name, sizeof name, "%s/%s", control, path);
    FILE *file = found == 200 ? fopen(name, "r") : NULL;
    if (file) {
        if (fscanf(file, "%d", &found) != 1) found = 500;
        fclose(file);
    }
    return found;
}

static void answer(int connection, const char *control) {
    char request[8192], path[256] = "", text[256];
    size_t length = 0;
    // A request may come in pieces; whoever stops in the middle is not waited for.
    struct timeval limit = {.tv_sec = 1};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    do {
        ssize_t got = read(connection, request + length, sizeof request - 1 - length);
        if (got <= 0) return;
        request[length += (size_t)got] = 0;
    } while (!strstr(request, "\r\n\r\n") && length < sizeof request - 1);
    sscanf(request, "GET /%255[^ ?]", path);
    int size = snprintf(text, sizeof text, "HTTP/1.1 %d \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                        status(control, path));
    if (write(connection, text, (size_t)size) < 0) perror("write");
}

static int listen_on(const char *port) {
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    const char *colon = strrchr(port, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((unsigned short)atoi(colon ? colon + 1 : port));
    if (colon) address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) {
        perror("listen");
        exit(1);
    }
    return listener;
}

int main(int count, char **values) {
    struct pollfd listeners[16];
    int ports = 0;
    // Process 1 of a container has no default action for any of these.
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGCHLD, reap);
    signal(SIGPIPE, SIG_IGN);
    for (; ports + 2 < count && ports < 16; ports++) {
        listeners[ports] = (struct pollfd){.fd = listen_on(values[ports + 2]), .events = POLLIN};
    }
    for (;;) {
        if (poll(listeners, (nfds_t)ports, -1) < 0) continue;
        for (int i = 0; i < ports; i++) {
            if (!(listeners[i].revents & POLLIN)) continue;
            int connection = accept(listeners[i].fd, NULL, NULL);
            if (connection >= 0) {
                answer(connection, values[1]);
                close(connection);
            }
        }
    }
}
