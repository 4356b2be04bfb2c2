/* A switch with slow lines, for bench/nodes.py: one network device (TAP) per node, whose frames reach the other nodes as late as a real line
 * would bring them. It needs root and /dev/net/tun, but neither netem nor a bridge.
 *
 *   bench_line RATE DELAY NAME...     RATE in bits per second, each way of each node's line; DELAY in seconds, one way
 *
 * Node i has the MAC address 02:00:00:00:00:i. The program prints "ready", relays until standard input ends, and obeys lines there:
 *   cut I       from now on no frame leaves or reaches node I
 *
 * A frame that the kernel gives at time t has left its sender at out = max(t, the sender's line free) + bits / RATE, and arrives at
 * max(out + DELAY, the receiver's line free + bits / RATE). Frames are those of segmentation offload, up to 64 KB each, and count with the
 * headers of the packets that they stand for. A sender whose line has more than a millisecond to do is not read from; nothing is dropped. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <math.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum {
  MOST_NODES = 64,
  HEADER = sizeof(struct virtio_net_hdr),
  MOST_BYTES = HEADER + 65536 + 64,
  QUEUE = 512
};
static const double BACKLOG = 1e-3;

typedef struct frame {
  double time; /* of arrival */
  size_t bytes;
  unsigned char data[MOST_BYTES];
} frame;

typedef struct node {
  int device;
  double out_free, in_free; /* when its line has sent, has received all so far */
  bool cut;
  frame *queue; /* [QUEUE]: what is on its way to it, a ring in the order of arrival */
  unsigned first, count;
} node;

static node nodes[MOST_NODES];
static int node_count;
static double rate, delay;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "bench_line: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void open_device(node *node, const char *name) {
  struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
  snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  node->device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (node->device < 0) fail("/dev/net/tun");
  if (ioctl(node->device, TUNSETIFF, &request) < 0) fail(name);
  if (ioctl(node->device, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) < 0) fail("offload");
  node->queue = calloc(QUEUE, sizeof *node->queue);
  if (!node->queue) fail("memory");
}

/* Seconds that a frame takes a line: with preamble, gap and headers of each packet that it stands for. */
static double line_time(size_t bytes) {
  enum { PAYLOAD = 1448, OVERHEAD = 66 + 24 };
  double packets = ceil((double)bytes / (PAYLOAD + 66));
  return 8 * ((double)bytes + OVERHEAD * packets) / rate;
}

static void send_to(node *to, const frame *sent, double out, double seconds) {
  if (to->cut) return;
  double arrival = fmax(out + delay, to->in_free + seconds);
  frame *copy = &to->queue[(to->first + to->count++) % QUEUE];
  to->in_free = copy->time = arrival;
  copy->bytes = sent->bytes;
  memcpy(copy->data, sent->data, sent->bytes);
}

static bool have_room(void) {
  for (int i = 0; i < node_count; i++)
    if (nodes[i].count == QUEUE) return false;
  return true;
}

static bool may_send(const node *node, double time) {
  return node->out_free - time < BACKLOG;
}

/* Takes one frame of a node; false if there is none. */
static bool take(node *from, double time) {
  static frame frame;
  ssize_t bytes = read(from->device, frame.data, sizeof frame.data);
  if (bytes <= HEADER + 14) return false;
  frame.bytes = (size_t)bytes;
  if (from->cut) return true;
  double seconds = line_time(frame.bytes - HEADER);
  from->out_free = fmax(time, from->out_free) + seconds;
  const unsigned char *address = frame.data + HEADER;
  for (int i = 0; i < node_count; i++)
    if (&nodes[i] != from && ((address[0] & 1) || address[5] == i))
      send_to(&nodes[i], &frame, from->out_free, seconds);
  return true;
}

static void deliver(node *to, double time) {
  while (to->count > 0 && to->queue[to->first].time <= time) {
    frame *frame = &to->queue[to->first];
    /* a device that is not up refuses frames: they are lost, as on a line without a node */
    if (!to->cut && write(to->device, frame->data, frame->bytes) < 0 && errno == EAGAIN) return;
    to->first = (to->first + 1) % QUEUE;
    to->count--;
  }
}

/* A line of standard input; false at its end. */
static bool obey(void) {
  char line[64];
  ssize_t bytes = read(STDIN_FILENO, line, sizeof line - 1);
  if (bytes <= 0) return false;
  line[bytes] = '\0';
  int number;
  if (sscanf(line, "cut %d", &number) == 1 && number >= 0 && number < node_count) nodes[number].cut = true;
  return true;
}

/* When something is to be done next, if no frame comes before. */
static double next_time(double time) {
  double next = time + 1;
  for (int i = 0; i < node_count; i++) {
    if (nodes[i].count > 0) next = fmin(next, nodes[i].queue[nodes[i].first].time);
    if (!may_send(&nodes[i], time)) next = fmin(next, nodes[i].out_free - BACKLOG);
  }
  return next;
}

int main(int argc, char **argv) {
  if (argc < 4 || argc > 3 + MOST_NODES || (rate = strtod(argv[1], NULL)) <= 0 ||
      (delay = strtod(argv[2], NULL)) < 0) {
    fputs("usage: bench_line RATE DELAY NAME...\n", stderr);
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  node_count = argc - 3;
  for (int i = 0; i < node_count; i++) open_device(&nodes[i], argv[3 + i]);
  puts("ready");
  fflush(stdout);
  for (;;) {
    double time = now();
    for (int i = 0; i < node_count; i++) deliver(&nodes[i], time);
    bool room = have_room();
    for (int i = 0; i < node_count; i++)
      while (room && may_send(&nodes[i], time) && take(&nodes[i], time)) room = have_room();
    struct pollfd polled[MOST_NODES + 1];
    for (int i = 0; i < node_count; i++)
      polled[i] =
          (struct pollfd){.fd = room && may_send(&nodes[i], time) ? nodes[i].device : -1, .events = POLLIN};
    polled[node_count] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
    double wait = fmax(next_time(time) - now(), 0);
    struct timespec timeout = {.tv_sec = (time_t)wait, .tv_nsec = (long)(fmod(wait, 1) * 1e9)};
    if (ppoll(polled, (nfds_t)node_count + 1, &timeout, NULL) > 0 && polled[node_count].revents && !obey())
      return 0;
  }
}
