/* As little MQTT 3.1.1 as the load generator and the sink need: connect to 127.0.0.1, send all, die with a reason. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LONGEST_S 600 /* no run is longer, whatever happens */

static void die(const char *why) {
    fprintf(stderr, "%s: %s\n", why, errno ? strerror(errno) : "unexpected answer");
    exit(1);
}

/* The clock of Python's time.monotonic(). */
static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(int fd, const uint8_t *data, size_t size) {
    while (size) {
        ssize_t n = write(fd, data, size);
        if (n <= 0) die("write");
        data += n;
        size -= (size_t)n;
    }
}

/* Fixed header; the bytes it took. */
static size_t header(uint8_t *to, uint8_t type, size_t rest) {
    size_t n = 0;
    to[n++] = type;
    do {
        to[n++] = (uint8_t)(rest % 128 | (rest > 127 ? 128 : 0));
        rest /= 128;
    } while (rest);
    return n;
}

static size_t text(uint8_t *to, const char *s) {
    size_t length = strlen(s);
    to[0] = (uint8_t)(length >> 8);
    to[1] = (uint8_t)length;
    memcpy(to + 2, s, length);
    return length + 2;
}

/* A clean session without keep-alive. */
static int connect_as(const char *name, int port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    uint8_t packet[128], answer[4];
    alarm(LONGEST_S);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    size_t n = header(packet, 0x10, 12 + strlen(name));
    memcpy(packet + n, "\0\4MQTT\4\2\0\0", 10);
    n += 10;
    n += text(packet + n, name);
    send_all(fd, packet, n);
    errno = 0;
    if (recv(fd, answer, 4, MSG_WAITALL) != 4 || answer[0] != 0x20 || answer[3]) die("CONNACK");
    return fd;
}
