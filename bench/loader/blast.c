/* Load generator: COUNT messages at QoS 1 in turn over TOPICS topics, at most 1000 not acknowledged.
 *
 *   blast PORT COUNT TOPICS RATE flat|frame QUANTITIES GULP_US
 *
 * RATE is in messages/s, 0 = as fast as the broker takes them. It reads as soon as something was acknowledged, as every
 * client does; with GULP_US it pauses so long before each read, and so leaves the broker whole windows to work on.
 * Prints when the first was sent and when the last was acknowledged, on the clock of time.monotonic().
 * Time stamps are made, not read: evenly spaced and unique, the last one is that of the start. */
#include "mqtt.h"

#define WINDOW 1000
#define LARGEST 4096
#define FULL_SPEED 100000 /* messages/s by their time stamps where RATE is 0 */

static long long count, topics, rate, quantities, first_ns;
static int is_frame;

static size_t payload(char *to, long long n) {
    long long ts = first_ns + n * (1000000000LL / (rate ? rate : FULL_SPEED));
    double value = 20.0 + (double)(n * 7919 % 10007) / 1000.0;
    if (!is_frame)
        return (size_t)sprintf(to,
                               "{\"ts\":%lld.%06lld,\"value\":%.3f,\"seq\":%lld,\"unit\":\"V\",\"status\":\"ok\","
                               "\"source\":\"load generator of the bench\",\"model\":\"none\",\"serial\":\"0000-0001\"}",
                               ts / 1000000000, ts % 1000000000 / 1000, value, n);
    char *end = to + sprintf(to,
                             "{\"v\":1,\"ts\":%lld,\"seq\":%lld,\"boot\":\"bench\",\"sw\":\"bench\","
                             "\"kind\":\"readings\",\"ch\":{\"ch0\":{\"value\":%.3f",
                             ts, n / topics, value);
    for (long long q = 1; q < quantities; q++) end += sprintf(end, ",\"q%lld\":%.3f", q, value + (double)q);
    return (size_t)(end + sprintf(end, "}}}") - to);
}

static size_t publish(uint8_t *to, long long n) {
    char topic[64], body[LARGEST - 128];
    sprintf(topic, is_frame ? "dcs/v1/bench/d%lld/frame" : "lab/bench/d%lld/ch0", n % topics);
    size_t size = payload(body, n), at = header(to, 0x32, 2 + strlen(topic) + 2 + size);
    at += text(to + at, topic);
    long long id = n % 65535 + 1;
    to[at++] = (uint8_t)(id >> 8);
    to[at++] = (uint8_t)id;
    memcpy(to + at, body, size);
    return at + size;
}

int main(int argc, char **argv) {
    static uint8_t out[WINDOW * LARGEST], in[4 * WINDOW];
    struct timespec pause = {0, 0}, wall;
    if (argc != 8) return fprintf(stderr, "blast PORT COUNT TOPICS RATE flat|frame QUANTITIES GULP_US\n"), 2;
    count = atoll(argv[2]), topics = atoll(argv[3]), rate = atoll(argv[4]);
    is_frame = !strcmp(argv[5], "frame"), quantities = atoll(argv[6]);
    if (count < 1 || topics < 1 || rate < 0 || quantities < 1 || quantities > 100) return fprintf(stderr, "range\n"), 2;
    pause.tv_nsec = 1000 * (atol(argv[7]) % 1000000);
    if (rate && !pause.tv_nsec) pause.tv_nsec = 1000000;
    int fd = connect_as("blast", atoi(argv[1]));
    clock_gettime(CLOCK_REALTIME, &wall);
    first_ns = (long long)wall.tv_sec * 1000000000 + wall.tv_nsec;
    if (!rate) first_ns -= count * (1000000000LL / FULL_SPEED);
    first_ns -= first_ns % 1000; /* whole us: what the flat payload can say */
    double began = now();
    long long sent = 0, acknowledged = 0; /* the latter in bytes: four each */
    while (acknowledged / 4 < count) {
        size_t size = 0;
        long long due = rate ? (long long)((now() - began) * (double)rate) + 1 : count;
        for (; sent < count && sent < due && sent - acknowledged / 4 < WINDOW; sent++) size += publish(out + size, sent);
        send_all(fd, out, size);
        if (pause.tv_nsec) nanosleep(&pause, NULL);
        errno = 0;
        ssize_t n = recv(fd, in, sizeof in, pause.tv_nsec ? MSG_DONTWAIT : 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) die("the broker closed the connection");
        for (ssize_t i = 0; i < n; i++)
            if ((acknowledged + i) % 4 == 0 && in[i] != 0x40) die("PUBACK");
        if (n > 0) acknowledged += n;
    }
    printf("%.6f %.6f\n", began, now());
    return 0;
}
