/* The page: style, a field, the models as JSON, the script. The folded network of each model stands there as a list of layers with the places
 * of their weights, which are base64 of little-endian floats; page/engine.js computes it. */
#include "model/page.h"
#include "core/embedded.h"
#include "core/file.h"
#include "core/html.h"
#include "core/json.h"
#include "model/evaluator.h"
#include "net/graph/layer.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

static json_t *numbers(const float *values, int count) {
  json_t *array = json_array();
  for (int i = 0; i < count; i++) mixent_json_append(&array, json_real((double)values[i]));
  return array;
}

static const char *script_named(const char *name) {
  for (const mixent_embedded *script = mixent_embedded_page_scripts; script->name; script++)
    if (strcmp(script->name, name) == 0) return script->text;
  return "";
}

/* Where a layer's tensors begin: parameters first, statistics behind them; -1: it has none. */
static json_t *place(const mixent_tensor *tensors, int index, size_t before) {
  return json_integer(index < 0 ? -1 : (json_int_t)(before + tensors[index].offset));
}

static json_t *describe_layer(const mixent_graph *graph, int l) {
  const mixent_layer *layer = &graph->layers[l];
  json_t *inputs = json_array(),
         *object = json_pack("{s:s, s:i, s:i, s:i}", "kind", layer->type ? layer->type->name : "input",
                             "channels", layer->channels, "height", layer->height, "width", layer->width);
  for (int i = 0; i < layer->input_count; i++) mixent_json_append(&inputs, json_integer(layer->inputs[i]));
  mixent_json_set(&object, "inputs", inputs);
  if (!layer->type) return object;
  mixent_layer_kind kind = layer->type->kind;
  if (kind == MIXENT_LAYER_CONV2D || kind == MIXENT_LAYER_MAX_POOL) {
    mixent_json_set(&object, "kernel", json_integer(layer->kernel));
    mixent_json_set(&object, "stride", json_integer(layer->stride));
    mixent_json_set(&object, "padding", json_integer(layer->padding));
  }
  if (kind == MIXENT_LAYER_SPLIT) {
    mixent_json_set(&object, "begin", json_integer(layer->begin));
    mixent_json_set(&object, "end", json_integer(layer->end));
  }
  if (kind == MIXENT_LAYER_CONV2D || kind == MIXENT_LAYER_LINEAR || kind == MIXENT_LAYER_BATCH_NORM) {
    mixent_json_set(&object, "weight", place(graph->parameters, layer->parameters[0], 0));
    mixent_json_set(&object, "bias", place(graph->parameters, layer->parameters[1], 0));
  }
  if (kind == MIXENT_LAYER_BATCH_NORM) {
    mixent_json_set(&object, "mean", place(graph->statistics, layer->statistics[0], graph->parameter_count));
    mixent_json_set(&object, "variance",
                    place(graph->statistics, layer->statistics[1], graph->parameter_count));
    mixent_json_set(&object, "epsilon", json_real(layer->epsilon));
  }
  return object;
}

/* All but the weights. */
static json_t *describe(const mixent_model *model, const mixent_graph *graph, const char *name) {
  char about[256];
  json_t *layers = json_array(), *object = json_object();
  snprintf(about, sizeof about, "%.80s, trained on %.80s", mixent_graph_name(model->graph), model->data);
  for (int l = 0; l < graph->layer_count; l++) mixent_json_append(&layers, describe_layer(graph, l));
  mixent_json_set(&object, "name", mixent_json_text(name));
  mixent_json_set(&object, "about", mixent_json_text(about));
  mixent_json_set(&object, "data", mixent_json_text(model->data));
  mixent_json_set(&object, "classes", mixent_json_texts(model->class_names, (size_t)model->classes));
  mixent_json_set(&object, "side", json_integer(model->side));
  mixent_json_set(&object, "channels", json_integer(model->channels));
  mixent_json_set(&object, "mean", numbers(model->mean, model->channels));
  mixent_json_set(&object, "deviation", numbers(model->deviation, model->channels));
  mixent_json_set(&object, "temperature", json_real(mixent_model_temperature(model)));
  mixent_json_set(&object, "fit",
                  json_string(mixent_fit_names[model->pictures ? model->fit : MIXENT_FIT_STRETCH]));
  mixent_json_set(
      &object, "background",
      json_string(mixent_background_names[model->pictures ? model->background : MIXENT_BACKGROUND_BLACK]));
  mixent_json_set(&object, "layers", layers);
  return object;
}

/* No '<' may stand in it: "</script>" would end it. */
static void append_json(mixent_text *out, const char *json) {
  for (; *json; json++)
    if (*json == '<')
      mixent_text_append(out, "\\u003c");
    else
      mixent_text_append_bytes(out, json, 1);
}

static mixent_status append_weights(mixent_text *out, const mixent_folded *folded) {
  size_t first = folded->graph->parameter_count, count = first + folded->graph->statistic_count;
  uint32_t *words;
  MIXENT_TRY(MIXENT_ALLOCATE(count, &words));
  memcpy(words, folded->parameters, first * sizeof *words);
  if (count > first) memcpy(words + first, folded->statistics, (count - first) * sizeof *words);
  for (size_t i = 0; i < count; i++) words[i] = htole32(words[i]);
  mixent_html_base64(out, (const uint8_t *)words, count * sizeof *words);
  free(words);
  return MIXENT_OK;
}

static mixent_status append_folded(mixent_text *out, const mixent_model *model, const mixent_folded *folded,
                                   const char *name) {
  char *json;
  MIXENT_TRY(
      mixent_json_write(describe(model, folded->graph, name), JSON_COMPACT | JSON_REAL_PRECISION(9), &json));
  json[strlen(json) - 1] = '\0'; /* the weights follow in place of its last brace */
  append_json(out, json);
  free(json);
  mixent_text_append(out, ",\"weights\":\"");
  MIXENT_TRY(append_weights(out, folded));
  mixent_text_append(out, "\"}");
  return MIXENT_OK;
}

static mixent_status append_model(mixent_text *out, const mixent_model *model, const char *name) {
  mixent_folded folded;
  MIXENT_TRY(mixent_model_check(model));
  if (model->side == 1)
    return mixent_fail(
        MIXENT_ERROR_UNSUPPORTED,
        "%s: expected a model of images, on which one can draw; this one reads rows of a table", name);
  MIXENT_TRY(mixent_fold(model->graph, model->parameters, model->statistics, &folded));
  mixent_status status = append_folded(out, model, &folded, name);
  mixent_folded_free(&folded);
  return status;
}

static void append_head(mixent_text *out, const char *const *scripts) {
  mixent_text_append(
      out,
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data: blob:; style-src ");
  mixent_html_hash(out, (const char *const[]){mixent_embedded_page_styles->text, NULL});
  mixent_text_append(out, "; script-src ");
  mixent_html_hash(out, scripts);
  mixent_text_append(
      out,
      "\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Draw, and see what the models believe – mixent</title>\n<style>");
  mixent_text_append(out, "%s</style>\n</head>\n<body>\n", mixent_embedded_page_styles->text);
}

static void append_body(mixent_text *out) {
  mixent_text_append(
      out,
      "<header><h1>Draw, and see what the models believe</h1>\n"
      "<p>Draw with finger, pen, mouse or keyboard; or drop, paste or choose a picture. Nothing leaves this page.</p></header>\n"
      "<main><div>\n"
      "<canvas id=\"field\" width=\"336\" height=\"336\" tabindex=\"0\" role=\"application\" aria-label=\"Field to draw in\" "
      "aria-describedby=\"keys\"></canvas>\n"
      "<p id=\"keys\">Arrow keys move the pen, space sets it down and lifts it, escape clears.</p>\n"
      "<div class=\"tools\"><button type=\"button\" id=\"clear\">Clear</button>"
      "<label class=\"file\"><input type=\"file\" id=\"file\" accept=\"image/*\"><span>Choose a picture…</span></label></div>\n"
      "<p id=\"note\" role=\"status\"></p>\n"
      "<p id=\"said\" class=\"hidden\" role=\"status\"></p>\n</div>\n"
      "<div id=\"results\"></div></main>\n<noscript>This page computes the answers itself: allow it to run its script.</noscript>\n");
}

static mixent_status append_page(mixent_text *out, const mixent_model *const *models,
                                 const char *const *names, size_t count) {
  const char *scripts[] = {script_named("engine"), script_named("picture"), script_named("page"), NULL};
  append_head(out, scripts);
  append_body(out);
  mixent_text_append(out, "<script type=\"application/json\" id=\"models\">[");
  for (size_t i = 0; i < count; i++) {
    if (i) mixent_text_append(out, ",\n");
    MIXENT_TRY(append_model(out, models[i], names[i]));
  }
  mixent_text_append(
      out,
      "]</script>\n<footer><p class=\"about\">Made by mixent %s. All of it is in this file.</p></footer>\n<script>",
      mixent_version());
  for (const char *const *script = scripts; *script; script++)
    mixent_text_append_bytes(out, *script, strlen(*script));
  mixent_text_append(out, "</script>\n</body>\n</html>\n");
  return mixent_text_status(out);
}

mixent_status mixent_model_page_write(const mixent_model *const *models, const char *const *names,
                                      size_t count, const char *path) {
  mixent_text page = {0};
  mixent_status status = append_page(&page, models, names, count);
  if (status == MIXENT_OK) status = mixent_file_replace(path, page.data, page.length);
  mixent_text_free(&page);
  return status;
}
