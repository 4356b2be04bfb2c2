/* HTTP ranges with libcurl; http_answer.c reads the answers. */
#include "data/fetch/http.h"
#include "core/memory.h"
#include "data/fetch/http_answer.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TRIES = 5, FIRST_WAIT_MILLISECONDS = 200 };

struct mixent_http {
  CURL *curl;
  char *address;
  char curl_error[CURL_ERROR_SIZE];
  mixent_http_watch *watch;
  void *watch_context;
  mixent_http_answer answer; /* of the try under way; where its bytes go */
  mixent_http_sink *sink;
  void *sink_context;
  mixent_status status; /* not OK: another try would not help */
};

const char *mixent_http_address(const mixent_http *http) {
  return http->address;
}

uint64_t mixent_http_size(const mixent_http *http) {
  return http->answer.known_size;
}

static size_t take_header(char *line, size_t size, size_t count, void *context) {
  mixent_http *http = context;
  mixent_http_answer_line(&http->answer, line, size * count);
  return size * count;
}

static long response_code(const mixent_http *http) {
  long code = 0;
  curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &code);
  return code;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
  mixent_http *http = context;
  size_t length = size * count;
  http->status = mixent_http_answer_body(&http->answer, response_code(http), length);
  if (http->status == MIXENT_OK) http->status = http->sink(http->sink_context, bytes, length);
  if (http->status != MIXENT_OK) return 0; /* ends the transfer */
  return length;
}

static bool wants_stop(mixent_http *http) {
  if (!http->watch || !http->watch(http->watch_context)) return false;
  http->status = mixent_fail(MIXENT_ERROR_INTERRUPTED,
                             "stopped while reading %s; run again to go on where it stopped", http->address);
  return true;
}

static int watch_transfer(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                          curl_off_t up_now) {
  (void)total, (void)now, (void)up_total, (void)up_now;
  return wants_stop(context);
}

/* Errors that a later try may not meet. */
static bool may_pass(CURLcode result, long code) {
  switch (result) {
  case CURLE_COULDNT_CONNECT:
  case CURLE_COULDNT_RESOLVE_HOST:
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_OPERATION_TIMEDOUT:
  case CURLE_PARTIAL_FILE:
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR:
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_HTTP2:
  case CURLE_HTTP2_STREAM: return true;
  case CURLE_HTTP_RETURNED_ERROR: return code == 408 || code == 429 || code >= 500;
  default: return false;
  }
}

/* Longer each time; the watch is asked meanwhile. */
static void wait_before_try(mixent_http *http, int tries) {
  enum { STEP_MILLISECONDS = 50 };
  const struct timespec step = {.tv_nsec = STEP_MILLISECONDS * 1000000L};
  for (int waited = 0; waited < FIRST_WAIT_MILLISECONDS << tries && !wants_stop(http);
       waited += STEP_MILLISECONDS)
    nanosleep(&step, NULL);
}

mixent_status mixent_http_range(mixent_http *http, uint64_t first, uint64_t count, mixent_http_sink *sink,
                                void *context) {
  if (!count) return MIXENT_OK;
  mixent_http_answer *answer = &http->answer;
  answer->address = http->address;
  answer->asked_first = first, answer->asked_last = first + count - 1;
  http->sink = sink, http->sink_context = context;
  http->status = MIXENT_OK;
  for (int tries = 0; tries < TRIES && http->status == MIXENT_OK; tries++) {
    if (tries) wait_before_try(http, tries - 1);
    if (http->status != MIXENT_OK) break;
    char range[64];
    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, answer->asked_first, answer->asked_last);
    curl_easy_setopt(http->curl, CURLOPT_RANGE, range);
    answer->received = answer->size = 0;
    http->curl_error[0] = 0;
    CURLcode result = curl_easy_perform(http->curl);
    if (http->status != MIXENT_OK) break;
    answer->asked_first += answer->received; /* the next try asks for the rest */
    if (answer->received) tries = 0;         /* those count that bring nothing */
    if (answer->asked_first > answer->asked_last) return MIXENT_OK;
    long code = response_code(http);
    if (result == CURLE_OK) {
      /* ended well, yet short: the head was wrong (an empty 200, say), or the server lies about the length */
      if (!answer->received) http->status = mixent_http_answer_check(answer, code);
      continue;
    }
    if (!may_pass(result, code))
      return mixent_fail(MIXENT_ERROR_IO, "cannot read %s: %s; check the address and the network",
                         http->address, http->curl_error[0] ? http->curl_error : curl_easy_strerror(result));
  }
  if (http->status != MIXENT_OK) return http->status;
  return mixent_fail(MIXENT_ERROR_IO,
                     "%s: the connection failed %d times in a row (%s); what has come is kept: run again to "
                     "go on from there",
                     http->address, TRIES, http->curl_error[0] ? http->curl_error : "it ended early");
}

typedef struct memory_sink {
  char *out;
} memory_sink;

static mixent_status take_into_memory(void *context, const void *bytes, size_t count) {
  memory_sink *sink = context;
  memcpy(sink->out, bytes, count);
  sink->out += count;
  return MIXENT_OK;
}

mixent_status mixent_http_read(mixent_http *http, uint64_t first, size_t count, void *out) {
  memory_sink sink = {out};
  return mixent_http_range(http, first, count, take_into_memory, &sink);
}

mixent_status mixent_http_open(const char *address, mixent_http_watch *watch, void *context,
                               mixent_http **out) {
  *out = NULL;
  mixent_http *http;
  MIXENT_TRY(MIXENT_ALLOCATE(1, &http));
  http->watch = watch, http->watch_context = context;
  mixent_copy_text(address, &http->address);
  if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) http->curl = curl_easy_init();
  if (!http->curl || !http->address) {
    mixent_http_close(http);
    return mixent_no_memory("%s", address);
  }
  CURL *curl = http->curl;
  curl_easy_setopt(curl, CURLOPT_URL, address);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT,
                   1L); /* a silent connection counts as broken after a minute */
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "mixent");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, http->curl_error);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, http);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_transfer);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, http);

  char byte;
  mixent_status status = mixent_http_read(http, 0, 1, &byte);
  http->answer.known_size = http->answer.size;
  if (status != MIXENT_OK)
    mixent_http_close(http);
  else
    *out = http;
  return status;
}

void mixent_http_close(mixent_http *http) {
  if (!http) return;
  curl_easy_cleanup(http->curl);
  curl_global_cleanup();
  free(http->address);
  free(http);
}
