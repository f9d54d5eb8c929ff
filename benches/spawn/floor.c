/* The least a probe can cost: one connection to 127.0.0.1, for http one request and one read. No name, no deadline, no
 * word about what went wrong. `floor http PORT`, `floor tcp PORT`; exits 0 if the server is well. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const char request[] = "GET /ok HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    static const char well[] = "HTTP/1.1 200 ";
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char response[4096];
    int descriptor;

    if (argc != 3)
        return 64;
    addr.sin_port = htons(atoi(argv[2]));
    descriptor = socket(AF_INET, SOCK_STREAM, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&addr, sizeof addr) != 0)
        return 1;
    if (strcmp(argv[1], "tcp") == 0)
        return 0;
    if (write(descriptor, request, sizeof request - 1) != sizeof request - 1)
        return 1;
    if (read(descriptor, response, sizeof response) < (ssize_t)sizeof well - 1)
        return 1;
    return memcmp(response, well, sizeof well - 1) != 0;
}
