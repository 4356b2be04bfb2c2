/* A check as an HTML page: a section for each kind of finding, with the images themselves. */
#include "core/layout.h"
#include "lab/inspect/words.h"
#include "lab/report/frame.h"
#include "lab/report/html.h"
#include "lab/report/picture.h"

#include <math.h>

/* A page while it is written. */
typedef struct writing {
  const mixent_data_check *check;
  size_t most;
  mixent_text *out, links;
} writing;

static void begin_section(writing *to, const char *name, const char *title, const char *about) {
  mixent_text_append(&to->links, "<a href=\"#%s-0\">%s</a>\n", name, title);
  mixent_text_append(to->out, "<section id=\"%s-0\"><h2>%s</h2>\n<p class=\"note\">%s</p>\n", name, title,
                     about);
}

/* A column of a table: numbers stand right, pictures and words left. */
typedef struct column {
  const char *title;
  bool number;
} column;

static void begin_table(writing *to, const char *label, const column *columns, size_t count) {
  mixent_text_append(to->out,
                     "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\">"
                     "<table class=\"pairs findings\" style=\"--columns:%zu\"><thead><tr>",
                     label, count);
  for (size_t i = 0; i < count; i++)
    mixent_text_append(to->out, "<th scope=\"col\"%s>%s</th>", columns[i].number ? " class=\"number\"" : "",
                       columns[i].title);
  mixent_text_append(to->out, "</tr></thead><tbody>\n");
}

static void end_section(writing *to, size_t all) {
  mixent_text_append(to->out, "</tbody></table></div>\n");
  if (all > to->most)
    mixent_text_append(to->out, "<p class=\"note\">The first %s of %s are shown.</p>\n",
                       mixent_text_count(to->most), mixent_text_count(all));
  mixent_text_append(to->out, "</section>\n");
}

static mixent_status write_picture(writing *to, size_t number) {
  size_t index;
  const mixent_images *images = mixent_inspection_find(to->check->dataset, number, &index);
  if (images->features) return MIXENT_OK; /* a row of a table has none */
  return mixent_picture_append(images, mixent_check_part(to->check->dataset, number), index, to->out);
}

/* "train 17, class cat, cat/17.png" */
static void write_name(writing *to, size_t number) {
  const mixent_dataset *dataset = to->check->dataset;
  size_t index;
  mixent_inspection_find(dataset, number, &index);
  mixent_text_append(to->out, "%s %zu, class <b>", mixent_check_part(dataset, number), index);
  mixent_html_text(to->out, mixent_check_class(dataset, number));
  mixent_text_append(to->out, "</b>");
  const char *file = mixent_check_file(dataset, number);
  if (!file) return;
  mixent_text_append(to->out, ", ");
  mixent_html_text(to->out, file);
}

static void write_broken(writing *to) {
  static const column columns[] = {{"file", false}};
  const mixent_broken_files *broken = to->check->broken;
  if (!broken->count) return;
  begin_section(to, "broken", "Broken files", "Files that cannot be read as pictures, and why.");
  begin_table(to, "broken files", columns, 1);
  for (size_t i = 0; i < broken->count && i < to->most; i++) {
    mixent_text_append(to->out, "<tr><td>");
    mixent_html_text(to->out, broken->reasons[i]);
    mixent_text_append(to->out, "</td></tr>\n");
  }
  end_section(to, broken->count);
}

static mixent_status write_errors(writing *to) {
  static const column columns[] = {{"image", false},
                                   {"label", false},
                                   {"looks like", false},
                                   {"probability of its label", true},
                                   {"where", false}};
  const mixent_data_check *check = to->check;
  if (!check->error_count) return MIXENT_OK;
  begin_section(
      to, "labels", "Likely label errors",
      "Models that were not trained on these doubt their labels (confident learning). First those whose label "
      "is the furthest below another class in probability.");
  begin_table(to, "label errors", columns, 5);
  for (size_t i = 0; i < check->error_count && i < to->most; i++) {
    const mixent_label_error *error = &check->errors[i];
    mixent_text_append(to->out, "<tr><td class=\"pictures\">");
    MIXENT_TRY(write_picture(to, error->item));
    mixent_text_append(to->out, "</td><td class=\"class\">");
    mixent_html_text(to->out, check->dataset->class_names[error->label]);
    mixent_text_append(to->out, "</td><td class=\"class\">");
    mixent_html_text(to->out, check->dataset->class_names[error->suggested]);
    mixent_text_append(to->out, "</td><td class=\"number\">");
    mixent_html_number(to->out, error->confidence, 4);
    mixent_text_append(to->out, "</td><td>");
    write_name(to, error->item);
    mixent_text_append(to->out, "</td></tr>\n");
  }
  end_section(to, check->error_count);
  return MIXENT_OK;
}

/* A line of images that are the same or nearly so. */
static mixent_status write_alike(writing *to, const size_t *numbers, size_t count, const char *why) {
  enum { MEMBERS = 8 };
  mixent_text_append(to->out, "<tr><td class=\"pictures\">");
  for (size_t i = 0; i < count && i < MEMBERS; i++) MIXENT_TRY(write_picture(to, numbers[i]));
  mixent_text_append(to->out, "</td><td>%s</td><td>", why);
  for (size_t i = 0; i < count && i < MEMBERS; i++) {
    if (i) mixent_text_append(to->out, "<br>");
    write_name(to, numbers[i]);
  }
  if (count > MEMBERS) mixent_text_append(to->out, "<br>and %zu more", count - MEMBERS);
  mixent_text_append(to->out, "</td></tr>\n");
  return mixent_text_status(to->out);
}

static const char *describe(bool across, bool conflict) {
  if (across && conflict) return "different labels; across train and test";
  return conflict ? "different labels" : across ? "across train and test" : "one part, one label";
}

static mixent_status write_duplicates(writing *to) {
  static const column columns[] = {{"images", false}, {"how bad", false}, {"where", false}};
  const mixent_inspection *found = &to->check->found;
  if (!found->group_count) return MIXENT_OK;
  begin_section(
      to, "duplicates", "Duplicates",
      "The same values byte for byte. A copy in the test part makes its score too good; different labels of "
      "one image cannot all be right.");
  begin_table(to, "duplicates", columns, 3);
  for (size_t i = 0; i < found->group_count && i < to->most; i++) {
    const mixent_duplicate_group *group = &found->groups[i];
    MIXENT_TRY(write_alike(to, found->duplicates + group->begin, group->count,
                           describe(group->across, group->conflict)));
  }
  end_section(to, found->group_count);
  return MIXENT_OK;
}

static mixent_status write_near(writing *to) {
  static const column columns[] = {{"images", false}, {"how bad", false}, {"where", false}};
  const mixent_inspection *found = &to->check->found;
  if (!found->near_count) return MIXENT_OK;
  begin_section(
      to, "near", "Near duplicates",
      "Pairs whose pixels, scaled down, have a high correlation: the same but for brightness, contrast, noise "
      "or compression.");
  begin_table(to, "near duplicates", columns, 3);
  for (size_t i = 0; i < found->near_count && i < to->most; i++) {
    const mixent_near_pair *pair = &found->near[i];
    MIXENT_TRY(
        write_alike(to, (const size_t[]){pair->a, pair->b}, 2, describe(pair->across, pair->conflict)));
  }
  end_section(to, found->near_count);
  return MIXENT_OK;
}

static mixent_status write_constant(writing *to) {
  static const column columns[] = {{"image", false}, {"where", false}};
  const mixent_inspection *found = &to->check->found;
  if (!found->constant_count) return MIXENT_OK;
  begin_section(to, "constant", "Constant images", "Images of one colour in all pixels.");
  begin_table(to, "constant images", columns, 2);
  for (size_t i = 0; i < found->constant_count && i < to->most; i++) {
    mixent_text_append(to->out, "<tr><td class=\"pictures\">");
    MIXENT_TRY(write_picture(to, found->constant[i]));
    mixent_text_append(to->out, "</td><td>");
    write_name(to, found->constant[i]);
    mixent_text_append(to->out, "</td></tr>\n");
  }
  end_section(to, found->constant_count);
  return MIXENT_OK;
}

static void write_balance(writing *to) {
  static const column columns[] = {{"class", false}, {"train", true}, {"test", true}};
  const mixent_data_check *check = to->check;
  begin_section(to, "balance", "Classes", "How many of each class there are.");
  begin_table(to, "classes", columns, 3);
  for (int k = 0; k < check->dataset->classes; k++) {
    mixent_text_append(to->out, "<tr><th scope=\"row\" class=\"class\">");
    mixent_html_text(to->out, check->dataset->class_names[k]);
    mixent_text_append(to->out, "</th><td class=\"number\">%s</td>",
                       mixent_text_count(check->found.counts[0][k]));
    mixent_text_append(to->out, "<td class=\"number\">%s</td></tr>\n",
                       mixent_text_count(check->found.counts[1][k]));
  }
  end_section(to, 0);
}

static void write_tally(mixent_text *out, const char *what, const mixent_check_tally *tally) {
  mixent_text_append(out, "<span>%s", mixent_text_counted(tally->count, what));
  if (tally->count)
    mixent_text_append(out, ", %s across train and test, %s with different labels",
                       mixent_text_count(tally->across), mixent_text_count(tally->conflicts));
  mixent_text_append(out, "</span> ");
}

static void write_header(writing *to, mixent_text *out) {
  const mixent_data_check *check = to->check;
  const mixent_check_tally groups = mixent_check_duplicates(check), pairs = mixent_check_near(check);
  mixent_text_append(out, "<header>\n<h1>");
  mixent_html_text(out, check->dataset->name);
  mixent_text_append(out, "</h1>\n<p class=\"about\">A check of the data set.</p>\n<p class=\"facts\">");
  mixent_text_append(out, "<span>%s train and %s</span> ", mixent_text_count(check->dataset->train.count),
                     mixent_text_counted(check->dataset->test.count,
                                         check->dataset->train.features ? "test rows" : "test images"));
  mixent_text_append(out, "<span>%s</span> ", mixent_text_counted(check->broken->count, "broken files"));
  write_tally(out, "duplicate groups", &groups);
  if (check->near > 0) write_tally(out, "near duplicates", &pairs);
  if (check->judged)
    mixent_text_append(out, "<span>%s among %s checked</span>",
                       mixent_text_counted(check->error_count, "likely label errors"),
                       mixent_text_count(check->judged));
  else
    mixent_text_append(out, "<span>labels not checked</span>");
  mixent_text_append(out, "</p>\n</header>\n");
}

static mixent_status write_sections(writing *to) {
  write_broken(to);
  MIXENT_TRY(write_errors(to));
  MIXENT_TRY(write_duplicates(to));
  MIXENT_TRY(write_near(to));
  MIXENT_TRY(write_constant(to));
  write_balance(to);
  MIXENT_TRY(mixent_text_status(&to->links));
  return mixent_text_status(to->out);
}

mixent_status mixent_data_check_page(const mixent_data_check *check, size_t most, mixent_text *out) {
  mixent_text body = {0};
  writing to = {.check = check, .most = most, .out = &body};
  mixent_status status = write_sections(&to);
  if (status == MIXENT_OK) {
    mixent_frame_begin(out, check->dataset->name, 0);
    write_header(&to, out);
    mixent_text_append(out, "<nav aria-label=\"sections\">\n%s</nav>\n<main>\n%s</main>\n", to.links.data,
                       body.data);
    mixent_frame_end(out);
    status = mixent_text_status(out);
  }
  mixent_text_free(&to.links);
  mixent_text_free(&body);
  return status;
}
