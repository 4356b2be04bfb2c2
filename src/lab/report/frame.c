/* The head of a page with its style sheet, its end with its script. */
#include "lab/report/frame.h"
#include "core/embedded.h"
#include "core/status.h"
#include "lab/report/html.h"

#include <stddef.h>

void mixent_frame_begin(mixent_text *out, const char *title, size_t boxes) {
  mixent_text_append(
      out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
           "style-src 'unsafe-inline'; script-src ");
  mixent_html_hash(out, (const char *const[]){mixent_embedded_scripts->text, NULL});
  mixent_text_append(out, "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
  mixent_html_text(out, title);
  mixent_text_append(out, " – mixent</title>\n<style>\n%s", mixent_embedded_styles->text);
  for (size_t v = 0; v < boxes; v++) /* works without the script */
    mixent_text_append(out, ":root:has(#show%zu:not(:checked)) .v%zu { display: none !important; }\n", v, v);
  mixent_text_append(
      out, "</style>\n</head>\n<body>\n"
           "<svg class=\"marks\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs><circle id=\"mark\" "
           "r=\"1\" fill=\"currentColor\"/></defs></svg>\n");
}

void mixent_frame_end(mixent_text *out) {
  mixent_text_append(
      out,
      "<footer>Made by mixent %s. All of it is in this file.</footer>\n<script>%s</script>\n</body>\n</html>\n",
      mixent_version(), mixent_embedded_scripts->text);
}
