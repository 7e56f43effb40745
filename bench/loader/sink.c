/* The limit of the broker: a subscriber that acknowledges what one read brought, in one write, and stores nothing.
 *
 *   sink PORT COUNT      ends after COUNT messages
 *
 * Prints their number, when the last one came on the clock of time.monotonic(), and its own processor time in s. */
#include "mqtt.h"

int main(int argc, char **argv) {
    static uint8_t in[1 << 20], acks[1 << 17];
    if (argc != 3) return fprintf(stderr, "sink PORT COUNT\n"), 2;
    long long wanted = atoll(argv[2]), received = 0;
    int fd = connect_as("sink", atoi(argv[1]));
    send_all(fd, (const uint8_t *)"\x82\x06\0\1\0\1#\1", 8); /* SUBSCRIBE to # at QoS 1 */
    size_t held = 0;
    while (received < wanted) {
        errno = 0;
        ssize_t n = read(fd, in + held, sizeof in - held);
        if (n <= 0) die("the broker closed the connection");
        held += (size_t)n;
        size_t at = 0, ack = 0;
        while (held - at >= 2) {
            size_t rest = 0, i = at + 1, shift = 0;
            do {
                if (i >= held) goto partial;
                rest |= (size_t)(in[i] & 127) << shift;
                shift += 7;
            } while (in[i++] & 128);
            if (held - i < rest) break;
            if ((in[at] & 0xf6) == 0x32) { /* PUBLISH at QoS 1, new or again */
                size_t id = i + 2 + ((size_t)in[i] << 8 | in[i + 1]);
                memcpy(acks + ack, "\x40\2", 2);
                memcpy(acks + ack + 2, in + id, 2);
                ack += 4;
                received++;
            }
            at = i + rest;
        }
    partial:
        send_all(fd, acks, ack);
        memmove(in, in + at, held -= at);
    }
    printf("%lld %.6f %.6f\n", received, now(), (double)clock() / CLOCKS_PER_SEC);
    return 0;
}
