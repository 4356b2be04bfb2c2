/* The page: its head and its sections in order. */
#include "lab/report/page.h"
#include "core/layout.h"
#include "lab/report/frame.h"

static mixent_status (*const sections[])(const mixent_section *section) = {
    mixent_section_verdict,     mixent_section_measures,  mixent_section_curves,    mixent_section_weights,
    mixent_section_reliability, mixent_section_certainty, mixent_section_confusion, mixent_section_warnings};

/* A check box for each variant, which hides all that is the variant's own below; by the style sheet alone. */
static void write_legend(const mixent_section *section) {
  const mixent_report *report = section->report;
  mixent_text *out = section->out;
  if (report->variant_count < 2) return;
  mixent_text_append(out,
                     "<fieldset class=\"legend\"><legend>Variants shown in tables and charts</legend>\n");
  for (size_t index = 0; index < report->variant_count; index++)
    for (size_t v = 0; v < report->variant_count; v++) {
      if (mixent_report_hue(report, v) != index) continue;
      mixent_text_append(out, "<label><input type=\"checkbox\" id=\"show%zu\" autocomplete=\"off\" checked>",
                         index);
      mixent_section_variant(section, v);
      mixent_text_append(out, "</label>\n");
    }
  mixent_text_append(out, "</fieldset>\n");
}

/* Whether there are too many data sets to name each one's sections at the beginning. */
static bool are_many(const mixent_report *report) {
  enum { MOST_LISTED = 4 };
  return report->data_count > MOST_LISTED;
}

static mixent_status write_data(const mixent_section *section) {
  if (section->report->data_count > 1) {
    mixent_text_append(section->out, "<h2 class=\"data\" id=\"data-%zu\">", section->data);
    mixent_html_text(section->out, section->report->data[section->data]);
    mixent_text_append(section->out, "</h2>\n");
    if (!are_many(section->report) || section->data == 0)
      mixent_text_append(section->links, "<span></span>\n");
    mixent_text_append(section->links, "<a class=\"data\" href=\"#data-%zu\">", section->data);
    mixent_html_text(section->links, section->report->data[section->data]);
    mixent_text_append(section->links, "</a>\n");
  }
  mixent_section part = *section;
  if (are_many(section->report)) part.links = NULL;
  for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
    MIXENT_TRY(sections[i](&part));
    if (i == 0 && section->data == 0) write_legend(section);
  }
  return MIXENT_OK;
}

static mixent_status write_body(const mixent_report *report, mixent_text *links, mixent_text *out) {
  mixent_section section = {report, 0, 2, out, links};
  MIXENT_TRY(mixent_section_across(&section));
  section.level = report->data_count > 1 ? 3 : 2;
  for (size_t d = 0; d < report->data_count; d++) {
    section.data = d;
    MIXENT_TRY(write_data(&section));
  }
  section.data = 0, section.level = 2;
  if (report->data_count > 1) mixent_text_append(links, "<span></span>\n");
  return mixent_section_making(&section);
}

static void count_runs(const mixent_report *report, size_t *asked, size_t *finished) {
  *asked = *finished = 0;
  for (size_t d = 0; d < report->data_count; d++)
    for (size_t v = 0; v < report->variant_count; v++)
      for (size_t s = 0; s < report->seed_count; s++) {
        const mixent_report_run *run = mixent_report_run_of(report, d, v, s);
        *asked += run->path != NULL;
        *finished += run->result != NULL;
      }
}

/* "emnist-letters, 20,800 test images"; nothing where neither is known. */
static void write_data_facts(const mixent_report *report, size_t data, mixent_text *out) {
  size_t items = report->comparison->input.data[data].items;
  if (!*report->data[data] && !items) return;
  mixent_text_append(out, "<span>");
  mixent_html_text(out, report->data[data]);
  if (items)
    mixent_text_append(out, "%s%s test %s", *report->data[data] ? ", " : "", mixent_text_count(items),
                       mixent_compare_samples(report->comparison, data));
  mixent_text_append(out, "</span> ");
}

static void write_header(const mixent_report *report, mixent_text *out) {
  size_t asked, finished;
  count_runs(report, &asked, &finished);
  mixent_text_append(out, "<header>\n<h1>");
  mixent_html_text(out, report->title);
  mixent_text_append(out, "</h1>\n");
  if (report->study && *report->study->about) {
    mixent_text_append(out, "<p class=\"about\">");
    mixent_html_text(out, report->study->about);
    mixent_text_append(out, "</p>\n");
  }
  mixent_text_append(out, "<p class=\"facts\">");
  if (report->study || report->asked)
    mixent_text_append(out, "<span>%zu variant%s", report->variant_count,
                       report->variant_count == 1 ? "" : "s");
  if (report->study)
    mixent_text_append(out, " × %zu seed%s", report->seed_count, report->seed_count == 1 ? "" : "s");
  if (report->study || report->asked) mixent_text_append(out, "</span> ");
  if (are_many(report)) mixent_text_append(out, "<span>%zu data sets</span> ", report->data_count);
  for (size_t d = 0; d < report->data_count && !are_many(report); d++) write_data_facts(report, d, out);
  if (report->asked)
    mixent_text_append(out, "<span>%s</span>", mixent_text_counted(asked, "runs"));
  else
    mixent_text_append(out, "<span%s>%zu of %zu run%s finished</span>",
                       finished < asked ? " class=\"missing\"" : "", finished, asked, asked == 1 ? "" : "s");
  mixent_text_append(out, "</p>\n</header>\n");
}

static mixent_status write_page(const mixent_report *report, mixent_text *out) {
  mixent_text body = {0}, links = {0};
  mixent_status status = write_body(report, &links, &body);
  if (status == MIXENT_OK) status = mixent_text_status(&links);
  if (status == MIXENT_OK) {
    mixent_frame_begin(out, report->title, report->variant_count);
    write_header(report, out);
    mixent_text_append(out, "<nav aria-label=\"sections\">\n%s</nav>\n<main>\n%s</main>\n", links.data,
                       body.data);
    mixent_frame_end(out);
    status = mixent_text_status(out);
  }
  mixent_text_free(&links);
  mixent_text_free(&body);
  return status;
}

mixent_status mixent_report_make(const char *const *places, size_t count,
                                 const mixent_report_options *options, mixent_text *out) {
  mixent_report *report;
  MIXENT_TRY(mixent_report_read(places, count, options, &report));
  mixent_status status = write_page(report, out);
  mixent_report_free(report);
  return status;
}
