/* The report's pieces: texts that are safe in a page, axes, gnuplot's SVG made part of a page. */
#include "lab/report/html.h"
#include "lab/report/plot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_text(mixent_text *text, const char *wanted) {
  assert_int_equal(mixent_text_status(text), MIXENT_OK);
  assert_string_equal(text->data, wanted);
  mixent_text_free(text);
}

static void test_escapes(void **state) {
  (void)state;
  mixent_text text = {0};
  mixent_html_text(&text, "<b>\"x\"&'y'\n\x01 é\xe2\x80\xae</b>");
  assert_text(&text, "&lt;b&gt;&quot;x&quot;&amp;&#39;y&#39;\n\\x01 é\\u{202e}&lt;/b&gt;");
  mixent_html_short(&text, "<<<<<", 5);
  assert_text(&text, "&lt;&lt;&lt;&lt;&lt;");
  mixent_html_short(&text, "ééééé<", 4);
  assert_text(&text, "ééé…");
  assert_int_equal(mixent_html_length("ééé…"), 4);
}

static void test_numbers(void **state) {
  (void)state;
  mixent_text text = {0};
  const double values[] = {1.005, -1.25, -0.001, NAN, 0.5, 2e38};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    mixent_html_difference(&text, values[i], 1);
    mixent_text_append(&text, " ");
    mixent_html_number(&text, values[i], 2);
    mixent_text_append(&text, "; ");
  }
  assert_text(&text, "+1.0 1.00; −1.2 −1.25; 0.0 0.00; – –; +0.5 0.50; +2.000e+38 2.000e+38; ");
  const double ps[] = {0.0001, 0.0123, 0.456};
  for (size_t i = 0; i < 3; i++) {
    mixent_html_p(&text, ps[i]);
    mixent_text_append(&text, ";");
  }
  assert_text(&text, "&lt; 0.001;0.012;0.46;");
}

static void test_base64(void **state) {
  (void)state;
  static const char *const wanted[] = {"",         "Zg==",     "Zm8=",    "Zm9v",
                                       "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"}; /* RFC 4648 */
  for (size_t count = 0; count <= 6; count++) {
    mixent_text text = {0};
    mixent_text_append(&text, "%s", "");
    mixent_html_base64(&text, (const uint8_t *)"foobar", count);
    assert_text(&text, wanted[count]);
  }
}

static void test_axes(void **state) {
  (void)state;
  const struct {
    double low, high;
    mixent_axis wanted;
  } cases[] = {{0, 1, {0, 1, 0.2}},      {0.13, 0.92, {0, 1, 0.2}}, {-3, 17, {-5, 20, 5}},
               {92, 99.1, {92, 100, 2}}, {0, 0, {-1, 1, 0.5}},      {1e-7, 3e-7, {1e-7, 3e-7, 5e-8}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    mixent_axis axis = mixent_axis_round(cases[i].low, cases[i].high, 5);
    double room = 1e-9 * cases[i].wanted.step;
    assert_true(fabs(axis.low - cases[i].wanted.low) < room &&
                fabs(axis.high - cases[i].wanted.high) < room &&
                fabs(axis.step - cases[i].wanted.step) < room);
  }
}

/* What gnuplot 5.4 and 6 write, shortened. */
static void test_svg(void **state) {
  (void)state;
  static const char svg[] =
      "<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 9 9\" "
      "xmlns=\"http://www.w3.org/2000/svg\">\n<title>Gnuplot</title>\n"
      "<g id=\"gnuplot_canvas\">\n<rect x=\"0\" y=\"0\" fill=\"none\"/>\n<defs>\n<circle id='gpDot' "
      "r='0.5'/>\n</defs>\n"
      "<g fill=\"none\" color=\"white\" stroke=\"currentColor\" stroke-width=\"1.00\" "
      "stroke-linecap=\"butt\">\n</g>\n"
      "<g id=\"gnuplot_plot_1\" ><title>$v0 using 1:2</title>\n"
      "<g fill=\"none\" color=\"black\" stroke=\"currentColor\">\n"
      "\t<path stroke='rgb(  1,   2,   1)'  d='M1,2 L3,4\n\t\tL5,6  '/>\n"
      "\t<use xlink:href='#gpPt6' transform='translate(1,2) scale(1.95)' color='rgb(  1,   3,   2)'/>\n"
      "\t<g transform=\"translate(3,4)\" fill=\"rgb(1,2,7)\" "
      "font-family=\"sans-serif\">\n\t\t<text>@0@</text>\n\t</g>\n"
      "\t<g><text>-0.5</text></g></g>\n</g>\n</g>\n</svg>\n";
  mixent_plot plot = {.width = 10,
                      .height = 20,
                      .left = 1,
                      .right = 9,
                      .top = 2,
                      .bottom = 18,
                      .x = {0, 1, 1},
                      .y = {0, 0.5, 1}};
  mixent_plot_label(&plot, "<a&b>", 1, 0.5);
  mixent_text_append(mixent_plot_draw(&plot, 12),
                     "$v0 using 1:2"); /* the first curve is the thirteenth variant's */
  assert_string_equal(plot.script.data, "plot $v0 using 1:2");
  mixent_text_append(&plot.values, "<tbody></tbody>");
  mixent_text out = {0};
  assert_int_equal(mixent_plot_adapt(&plot, svg, "a \"chart\"", &out), MIXENT_OK);
  assert_text(
      &out,
      "<svg viewBox=\"0 0 10 20\" role=\"img\" aria-label=\"a &quot;chart&quot;\" "
      "data-area=\"1 9 2 18 0 1 0 0.5\"><g class=\"v12\"><g fill=\"none\" stroke=\"currentColor\">"
      "<path stroke=\"var(--hue-1)\" d=\"M1,2 L3,4 L5,6\"/>"
      "<use href=\"#mark\" transform=\"translate(1,2) scale(1.95)\" color=\"var(--muted)\"/>"
      "<g transform=\"translate(3,4)\" fill=\"var(--hue-7)\"><text class=\"v1\">&lt;a&amp;b&gt;</text></g>"
      "<g><text>−0.5</text></g></g></g></svg>\n");
  assert_int_equal(mixent_plot_adapt(&plot, "gnuplot: no", "", &out), MIXENT_ERROR_UNSUPPORTED);
  mixent_text_free(&out);
  mixent_text_free(&plot.script);
  mixent_text_free(&plot.values);
  free(plot.curves);
}

/* 28 variants are told apart by colour or dash; the first seven are solid. */
static void test_palette(void **state) {
  (void)state;
  enum { APART = MIXENT_PLOT_ALIKE * MIXENT_PLOT_DASHES };
  for (size_t i = 0; i < APART; i++) {
    assert_true(i >= MIXENT_PLOT_ALIKE || mixent_plot_dash(i) == 0);
    for (size_t j = 0; j < i; j++)
      assert_true(strcmp(mixent_plot_color(i), mixent_plot_color(j)) != 0 ||
                  mixent_plot_dash(i) != mixent_plot_dash(j));
  }
}

/* SVG cut off anywhere leaves elements that are closed, and nothing is read past the end. */
static void test_svg_cut(void **state) {
  (void)state;
  static const char svg[] =
      "<g id=\"gnuplot_canvas\"><g fill='rgb(1,2,3)'><g a='b'><text>@0@</text><path d='M1,2'/></g></g>";
  for (size_t length = 0; length < sizeof svg; length++) {
    char *cut = strndup(svg, length);
    mixent_plot plot = {.width = 1, .height = 1};
    mixent_text out = {0};
    if (mixent_plot_adapt(&plot, cut, "", &out) == MIXENT_OK) {
      size_t opened = 0, closed = 0;
      for (const char *at = out.data; (at = strstr(at, "<g")); at++) opened++;
      for (const char *at = out.data; (at = strstr(at, "</g>")); at++) closed++;
      assert_int_equal(opened, closed);
    }
    mixent_text_free(&out);
    free(cut);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_escapes), cmocka_unit_test(test_numbers),
                                     cmocka_unit_test(test_base64),  cmocka_unit_test(test_axes),
                                     cmocka_unit_test(test_svg),     cmocka_unit_test(test_palette),
                                     cmocka_unit_test(test_svg_cut)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
