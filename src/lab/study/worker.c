/* Fork, exec, pipes. */
#include "lab/study/worker.h"
#include "core/file.h"
#include "core/json.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child, where only calls that are safe after a fork may stand. Any descriptor may be 0, 1 or 2, where the caller has closed
 * those: each is first copied to where nothing is put in its place. */
static int out_of_the_way(int descriptor) {
  return fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

static void become(const char *program, char *const *words, pid_t parent, const int ends[2], int held,
                   const mixent_processors *cpus) {
  if (!mixent_process_follow(parent)) _exit(127);
  setpgid(0, 0);
  if (cpus) mixent_process_pin(cpus);
  int nothing = out_of_the_way(open("/dev/null", O_RDONLY | O_CLOEXEC)), out = out_of_the_way(ends[0]),
      errors = out_of_the_way(ends[1]);
  if (held >= 0) held = out_of_the_way(held);
  if (dup2(nothing, 0) < 0 || dup2(out, 1) < 0 || dup2(errors, 2) < 0) _exit(127);
  if (held >= 0) fcntl(held, F_SETFD, 0);
  execv(program, words);
  static const char message[] = "mixent: cannot start another process of this program\n";
  if (write(2, message, sizeof message - 1) < 0) _exit(126);
  _exit(127);
}

mixent_status mixent_worker_start(mixent_worker *worker, const char *program, char *const *words, int held,
                                  const mixent_processors *cpus) {
  int out[2], errors[2];
  if (pipe2(out, O_CLOEXEC) != 0) return mixent_fail_errno("make a pipe for", words[0]);
  if (pipe2(errors, O_CLOEXEC) != 0) {
    mixent_status status = mixent_fail_errno("make a pipe for", words[0]);
    close(out[0]), close(out[1]);
    return status;
  }
  const int ends[2] = {out[1], errors[1]};
  pid_t parent = getpid();
  worker->last = MIXENT_EVENTS;
  worker->pid = fork();
  if (worker->pid == 0) become(program, words, parent, ends, held, cpus);
  mixent_status status = worker->pid < 0 ? mixent_fail_errno("start", words[0]) : MIXENT_OK;
  close(out[1]), close(errors[1]);
  worker->out = out[0], worker->errors = errors[0];
  fcntl(out[0], F_SETFL, O_NONBLOCK);
  fcntl(errors[0], F_SETFL, O_NONBLOCK);
  if (status != MIXENT_OK) worker->pid = 0, mixent_worker_free(worker);
  return status;
}

static void replace(mixent_worker *worker, char **text, const char *by) {
  free(*text);
  *text = NULL;
  worker->lacks |= by && mixent_copy_text(by, text) != MIXENT_OK;
}

/* A line that is no JSON tells nothing. */
static void hear(mixent_worker *worker, const char *line) {
  json_t *json;
  worker->lacks |= mixent_json_parse(line, strlen(line), 0, "an event", &json) == MIXENT_ERROR_MEMORY;
  mixent_event event = mixent_event_of(json);
  if (event == MIXENT_EVENT_FINISHED || event == MIXENT_EVENT_STOPPED || event == MIXENT_EVENT_FAILED) {
    worker->last = event;
    replace(worker, &worker->message, json_string_value(json_object_get(json, "message")));
  }
  if (json_is_object(json)) worker->heard(worker->context, event, json);
  json_decref(json);
}

/* Gives out the whole lines, keeps the beginning of the next. */
static void cut_lines(mixent_worker *worker, mixent_text *text, bool error) {
  char *begin = text->data, *end;
  for (; begin && (end = strchr(begin, '\n')) != NULL; begin = end + 1) {
    *end = 0;
    if (!error)
      hear(worker, begin);
    else if (*begin)
      replace(worker, &worker->last_words, begin);
  }
  mixent_text rest = {0};
  if (begin && *begin) mixent_text_append(&rest, "%s", begin);
  worker->lacks |= text->failed || rest.failed;
  mixent_text_free(text);
  *text = rest;
}

static void read_pipe(mixent_worker *worker, int *pipe, mixent_text *text, bool error) {
  char piece[4096];
  ssize_t count = 0;
  while (*pipe >= 0 && (count = read(*pipe, piece, sizeof piece)) > 0)
    mixent_text_append_bytes(text, piece, (size_t)count);
  int refusal = count < 0 && errno != EAGAIN && errno != EINTR ? errno : 0;
  bool closed = count == 0 || refusal;
  if (refusal) worker->refusal = refusal;
  cut_lines(worker, text, error);
  if (*pipe >= 0 && closed) {
    close(*pipe);
    *pipe = -1;
  }
}

bool mixent_worker_read(mixent_worker *worker) {
  read_pipe(worker, &worker->out, &worker->line[0], false);
  read_pipe(worker, &worker->errors, &worker->line[1], true);
  return worker->out >= 0 || worker->errors >= 0;
}

int mixent_worker_wait(mixent_worker *worker, char ended[64]) {
  int state = 0;
  while (waitpid(worker->pid, &state, 0) < 0 && errno == EINTR) continue;
  worker->pid = 0;
  *ended = 0;
  if (!WIFSIGNALED(state)) return WEXITSTATUS(state);
  snprintf(ended, 64, "ended by signal %d (%s)", WTERMSIG(state), strsignal(WTERMSIG(state)));
  return 128 + WTERMSIG(state);
}

void mixent_worker_signal(const mixent_worker *worker, int signal) {
  const union sigval nothing = {0};
  if (worker->pid > 0 && sigqueue(worker->pid, signal, nothing) != 0) kill(worker->pid, signal);
}

void mixent_worker_free(mixent_worker *worker) {
  char ended[64];
  if (worker->pid > 0) {
    mixent_worker_signal(worker, SIGKILL);
    mixent_worker_wait(worker, ended);
  }
  if (worker->out > 0) close(worker->out);
  if (worker->errors > 0) close(worker->errors);
  mixent_text_free(&worker->line[0]);
  mixent_text_free(&worker->line[1]);
  free(worker->message);
  free(worker->last_words);
  *worker = (mixent_worker){.out = -1, .errors = -1};
}
