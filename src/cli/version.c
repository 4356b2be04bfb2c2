/* `mixent version`: what this program is made of, for reports of faults. */
#include "cli/commands.h"
#include "cli/json.h"
#include "net/onednn/processor.h"
#include "peers/peers.h"

#include <curl/curl.h>
#include <stdio.h>
#include <zlib.h>

typedef struct arguments {
  bool json;
} arguments;

static int run(const void *given, int count, char **words) {
  (void)count, (void)words;
  const arguments *arguments = given;
  const char *onednn = mixent_onednn_version(), *mpi = mixent_peers_library();
  bool bf16 = mixent_net_bf16_is_native();
  if (arguments->json) {
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:b}", "mixent", mixent_version(), "onednn",
                               onednn, "zlib", zlibVersion(), "curl",
                               curl_version_info(CURLVERSION_NOW)->version, "mpi", mpi, "bf16", bf16);
    return mixent_json_print(object);
  }
  printf("mixent %s\n", mixent_version());
  printf("oneDNN %s, zlib %s, curl %s\n", onednn, zlibVersion(), curl_version_info(CURLVERSION_NOW)->version);
  printf("training on several ranks: %s\n", mpi ? mpi : "no, this build has no MPI ('make mpi' builds one)");
  printf("bfloat16 on this processor: %s\n", bf16 ? "yes, training uses it" : "no, training uses float32");
  return MIXENT_EXIT_DONE;
}

const mixent_command mixent_command_version = {
    .name = "version",
    .summary = "Show the versions of mixent and its libraries, and what the processor can do",
    .options = (const mixent_command_option[]){{.name = "json",
                                                .help = "print one line of JSON",
                                                .kind = MIXENT_VALUE_FLAG,
                                                .offset = offsetof(arguments, json)},
                                               {0}},
    .arguments_size = sizeof(arguments),
    .run = run};
