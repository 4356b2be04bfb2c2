/* mixent._native: the C library for Python. Takes arrays as addresses and type codes, so that neither NumPy
 * nor PyTorch is needed to build it; mixent/numpy.py and mixent/torch/ look after shapes, and keep alive
 * what they pass. */
#include "native.h"

#include "lab/results/results.h"
#include "mixent/weights.h"
#include "pool.h"

#include <math.h>

enum {
  NUMBERS = 2 * MIXENT_LOSS_PARTS + 7, /* of Loss, see `numbers_of` */
  SERIAL_ELEMENTS = 1 << 15            /* a smaller batch is done before another thread would have woken */
};

typedef struct loss {
  PyObject_HEAD mixent_loss_options options;
  int64_t ignore_label;
  bool ignore;
  bool learned;      /* is anything? */
  PyObject *made_of; /* the constructor's arguments, for pickle and copy */
} loss;

PyObject *raise_status(mixent_status status) {
  const char *said = mixent_last_error();
  /* a message may cut a long name within a letter */
  PyObject *message = PyUnicode_DecodeUTF8(said, (Py_ssize_t)strlen(said), "backslashreplace");
  if (message)
    PyErr_SetObject(status == MIXENT_ERROR_MEMORY        ? PyExc_MemoryError
                    : status == MIXENT_ERROR_UNSUPPORTED ? PyExc_RuntimeError
                                                         : PyExc_ValueError,
                    message);
  Py_XDECREF(message);
  return NULL;
}

/* The index of a name in a list of the library, or -1 with ValueError. */
static int find_name(const char *const *names, const char *name, const char *what) {
  for (int i = 0; names[i]; i++)
    if (strcmp(names[i], name) == 0) return i;
  PyObject *known = PyUnicode_FromString(names[0]);
  for (int i = 1; known && names[i]; i++) {
    PyObject *longer = PyUnicode_FromFormat("%U, %s", known, names[i]);
    Py_DECREF(known);
    known = longer;
  }
  if (known) PyErr_Format(PyExc_ValueError, "there is no %s '%s'; there are %U", what, name, known);
  Py_XDECREF(known);
  return -1;
}

/* The numbers of a Loss, in their order. */
static void numbers_of(mixent_loss_options *o, double *numbers[NUMBERS]) {
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) {
    numbers[i] = &o->w[i];
    numbers[MIXENT_LOSS_PARTS + i] = &o->b[i];
  }
  double *others[] = {&o->max_interval, &o->smoothing, &o->eps, &o->focal_gamma, &o->gce_q, &o->t1, &o->t2};
  memcpy(numbers + 2 * MIXENT_LOSS_PARTS, others, sizeof others);
}

PyObject *make_doubles(const double *values, Py_ssize_t count) {
  PyObject *tuple = PyTuple_New(count);
  for (Py_ssize_t i = 0; tuple && i < count; i++) {
    PyObject *value = PyFloat_FromDouble(values[i]);
    if (!value || PyTuple_SetItem(tuple, i, value)) Py_CLEAR(tuple);
  }
  return tuple;
}

static bool read_doubles(PyObject *tuple, double *values, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *item = PyTuple_GetItem(tuple, i);
    if (!item) return false;
    values[i] = PyFloat_AsDouble(item);
    if (PyErr_Occurred()) return false;
  }
  return true;
}

/* Loss(kind, style, learn, ignore_index, numbers): learn is a mask over PARAMETERS, ignore_index may be None.
 */
static PyObject *loss_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords) {
  const char *kind, *style;
  unsigned learn;
  PyObject *ignore, *numbers;
  if (keywords && PyDict_Size(keywords)) return PyErr_Format(PyExc_TypeError, "Loss takes no keywords");
  if (!PyArg_ParseTuple(arguments, "ssIOO!", &kind, &style, &learn, &ignore, &PyTuple_Type, &numbers))
    return NULL;
  int kind_index = find_name(mixent_loss_names, kind, "loss");
  int style_index = kind_index < 0 ? -1 : find_name(mixent_style_names, style, "transform");
  if (style_index < 0) return NULL;

  mixent_loss_options options = mixent_loss_defaults(kind_index);
  options.style = style_index;
  for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++) options.learn[i] = learn >> i & 1;
  double values[NUMBERS], *places[NUMBERS];
  if (!read_doubles(numbers, values, NUMBERS)) return NULL;
  numbers_of(&options, places);
  for (int i = 0; i < NUMBERS; i++) *places[i] = values[i];
  int64_t ignore_label = ignore == Py_None ? 0 : PyLong_AsLongLong(ignore);
  if (PyErr_Occurred()) return NULL;
  mixent_status status = mixent_loss_check(&options);
  if (status != MIXENT_OK) return raise_status(status);

  allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
  loss *self = (loss *)allocate(type, 0);
  if (!self) return NULL;
  self->options = options;
  self->ignore = ignore != Py_None;
  self->learned = learn != 0;
  self->ignore_label = ignore_label;
  self->made_of = arguments;
  Py_INCREF(arguments);
  return (PyObject *)self;
}

static void loss_dealloc(loss *self) {
  PyTypeObject *type = Py_TYPE(self);
  Py_XDECREF(self->made_of);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

static PyObject *loss_reduce(loss *self, PyObject *unused) {
  (void)unused;
  return Py_BuildValue("OO", Py_TYPE(self), self->made_of);
}

/* The state with the learned ones' values (a tuple, in the order of PARAMETERS, or None: as they start), held
 * within their bounds. */
static bool read_state(const loss *self, PyObject *values, mixent_loss_state *state) {
  *state = mixent_loss_start(&self->options);
  if (values == Py_None) return true;
  if (!PyTuple_Check(values)) {
    PyErr_SetString(PyExc_TypeError, "values must be a tuple or None");
    return false;
  }
  Py_ssize_t next = 0;
  for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++) {
    if (!self->options.learn[i]) continue;
    PyObject *item = PyTuple_GetItem(values, next++);
    if (!item) return false;
    state->value[i] = PyFloat_AsDouble(item);
    if (PyErr_Occurred()) return false;
  }
  mixent_loss_clamp(&self->options, state);
  return true;
}

/* weights(values, epoch) -> (w1, w2, w3), (b1, b2, b3) */
static PyObject *loss_weights(loss *self, PyObject *arguments) {
  PyObject *values;
  double epoch, weights[MIXENT_LOSS_PARTS], bases[MIXENT_LOSS_PARTS];
  mixent_loss_state state;
  if (!PyArg_ParseTuple(arguments, "Od", &values, &epoch) || !read_state(self, values, &state)) return NULL;
  mixent_loss_weights(&self->options, &state, epoch, weights);
  for (int i = 0; i < MIXENT_LOSS_PARTS; i++) bases[i] = exp(state.value[MIXENT_LOSS_PARTS + i]);
  PyObject *first = make_doubles(weights, MIXENT_LOSS_PARTS),
           *second = make_doubles(bases, MIXENT_LOSS_PARTS);
  PyObject *both = first && second ? PyTuple_Pack(2, first, second) : NULL;
  Py_XDECREF(first);
  Py_XDECREF(second);
  return both;
}

/* The arguments of Loss.evaluate, all of them, by position. */
enum {
  VALUES,    /* tuple: what is learned; None: as it starts */
  EPOCH,     /* float */
  REDUCTION, /* 0 mean, 1 sum, 2 none */
  SCALE,     /* float: multiplies the gradient, and nothing else */
  ALL_TERMS, /* whether terms are wanted that the loss does not have */
  ROWS,
  CLASSES,
  LOGITS, /* address, type, row stride */
  LOGITS_TYPE,
  LOGITS_STRIDE,
  TARGET, /* address, type; row stride of targets (labels have a whole type) */
  TARGET_TYPE,
  TARGET_STRIDE,
  CLASS_WEIGHTS, /* address (0: none), type */
  CLASS_WEIGHTS_TYPE,
  ROW_WEIGHTS, /* address (0: none), type */
  ROW_WEIGHTS_TYPE,
  GRADIENT, /* address (0: none), row stride */
  GRADIENT_STRIDE,
  ROW_VALUES, /* address of doubles (0: none) */
  VALUE,      /* address of one float or double (0: none), type */
  VALUE_TYPE,
  THREADS,
  ARGUMENTS
};

/* evaluate(…) -> (value, slopes, terms, divisor, counted, undefined); slopes are the derivatives of the value
 * with respect to what is learned, in the order of PARAMETERS. */
static PyObject *loss_evaluate(loss *self, PyObject *const *arguments, Py_ssize_t count) {
  if (count != ARGUMENTS) return PyErr_Format(PyExc_TypeError, "evaluate takes %d arguments", ARGUMENTS);
  mixent_loss_state state;
  if (!read_state(self, arguments[VALUES], &state)) return NULL;
  double epoch = PyFloat_AsDouble(arguments[EPOCH]), scale = PyFloat_AsDouble(arguments[SCALE]);
  size_t number[ARGUMENTS] = {0};
  for (int i = ALL_TERMS; i < ARGUMENTS; i++) number[i] = PyLong_AsSize_t(arguments[i]);
  int reduction = (int)PyLong_AsLong(arguments[REDUCTION]), threads = (int)number[THREADS];
  if (PyErr_Occurred()) return NULL;

  mixent_type target_type = (mixent_type)number[TARGET_TYPE];
  mixent_array target = {(const void *)number[TARGET], target_type, number[TARGET_STRIDE]};
  mixent_loss_batch batch = {
      .rows = number[ROWS],
      .classes = number[CLASSES],
      .logits = {(const void *)number[LOGITS], (mixent_type)number[LOGITS_TYPE], number[LOGITS_STRIDE]},
      .class_weights = {(const void *)number[CLASS_WEIGHTS], (mixent_type)number[CLASS_WEIGHTS_TYPE], 0},
      .row_weights = {(const void *)number[ROW_WEIGHTS], (mixent_type)number[ROW_WEIGHTS_TYPE], 0},
      .ignore_label = self->ignore_label,
      .ignore = self->ignore,
  };
  if (target_type >= MIXENT_INT8)
    batch.labels = target, batch.labels.stride = 0;
  else
    batch.targets = target;

  mixent_loss_rule rule = mixent_loss_rule_of(&self->options, &state, epoch);
  rule.reduction = (mixent_reduction)reduction;
  if (!number[ALL_TERMS]) { /* what is learned needs the terms even while their coefficients are 0 */
    mixent_term parts[MIXENT_LOSS_PARTS];
    int part_count = mixent_loss_parts(self->options.kind, parts);
    rule.wanted = 0;
    for (int i = 0; i < part_count && self->learned; i++) rule.wanted |= 1u << parts[i];
  }
  if (scale != 1)
    for (int i = 0; i < MIXENT_TERMS; i++) rule.coefficients[i] *= scale;

  mixent_loss_result result = {
      .gradient = (void *)number[GRADIENT],
      .gradient_stride = number[GRADIENT_STRIDE],
      .row_values = (double *)number[ROW_VALUES],
  };
  const mixent_loss_parallel parallel = {pool_run, &threads};
  bool serial = threads < 2 || batch.rows < 2 || batch.classes < SERIAL_ELEMENTS / batch.rows;
  mixent_status status;
  Py_BEGIN_ALLOW_THREADS status = mixent_loss_evaluate(&batch, &rule, serial ? NULL : &parallel, &result);
  Py_END_ALLOW_THREADS if (status != MIXENT_OK) return raise_status(status);

  double all[MIXENT_LOSS_PARAMETERS], slopes[MIXENT_LOSS_PARAMETERS];
  double value = mixent_loss_value(&self->options, &state, epoch, result.terms, all);
  int learned = 0;
  for (int i = 0; i < MIXENT_LOSS_PARAMETERS; i++)
    if (self->options.learn[i]) slopes[learned++] = all[i];
  if (number[VALUE]) {
    if (number[VALUE_TYPE] == MIXENT_FLOAT64)
      *(double *)number[VALUE] = value;
    else
      *(float *)number[VALUE] = (float)value;
  }
  PyObject *slopes_tuple = make_doubles(slopes, learned), *terms = make_doubles(result.terms, MIXENT_TERMS);
  if (!slopes_tuple || !terms) {
    Py_XDECREF(slopes_tuple);
    Py_XDECREF(terms);
    return NULL;
  }
  return Py_BuildValue("dNNdnn", value, slopes_tuple, terms, result.divisor, (Py_ssize_t)result.counted,
                       (Py_ssize_t)result.undefined);
}

static PyMethodDef loss_methods[] = {
    {"evaluate", (PyCFunction)(void (*)(void))loss_evaluate, METH_FASTCALL, NULL},
    {"weights", (PyCFunction)(void (*)(void))loss_weights, METH_VARARGS, NULL},
    {"__reduce__", (PyCFunction)(void (*)(void))loss_reduce, METH_NOARGS, NULL},
    {0},
};

static PyType_Slot loss_slots[] = {
    {Py_tp_new, (void *)loss_new},
    {Py_tp_dealloc, (void *)loss_dealloc},
    {Py_tp_methods, loss_methods},
    {Py_tp_doc, "Loss(kind, style, learn, ignore_index, numbers): a loss with all of its options."},
    {0, NULL},
};

static PyType_Spec loss_spec = {"mixent._native.Loss", sizeof(loss), 0, Py_TPFLAGS_DEFAULT, loss_slots};

/* parts(kind) -> names of the terms it is made of */
static PyObject *native_parts(PyObject *module, PyObject *name) {
  (void)module;
  PyObject *bytes = PyUnicode_AsUTF8String(name);
  int kind = bytes ? find_name(mixent_loss_names, PyBytes_AsString(bytes), "loss") : -1;
  Py_XDECREF(bytes);
  if (kind < 0) return NULL;
  mixent_term parts[MIXENT_LOSS_PARTS];
  int count = mixent_loss_parts(kind, parts);
  PyObject *tuple = PyTuple_New(count);
  for (int i = 0; tuple && i < count; i++) {
    PyObject *part = PyUnicode_FromString(mixent_term_names[parts[i]]);
    if (!part || PyTuple_SetItem(tuple, i, part)) Py_CLEAR(tuple);
  }
  return tuple;
}

/* defaults(kind) -> its numbers */
static PyObject *native_defaults(PyObject *module, PyObject *name) {
  (void)module;
  PyObject *bytes = PyUnicode_AsUTF8String(name);
  int kind = bytes ? find_name(mixent_loss_names, PyBytes_AsString(bytes), "loss") : -1;
  Py_XDECREF(bytes);
  if (kind < 0) return NULL;
  mixent_loss_options options = mixent_loss_defaults(kind);
  double values[NUMBERS], *places[NUMBERS];
  numbers_of(&options, places);
  for (int i = 0; i < NUMBERS; i++) values[i] = *places[i];
  return make_doubles(values, NUMBERS);
}

/* cpu() -> the instruction set that runs here */
static PyObject *native_cpu(PyObject *module, PyObject *unused) {
  (void)module, (void)unused;
  return PyUnicode_FromString(mixent_loss_cpu());
}

static PyMethodDef native_methods[] = {
    {"parts", native_parts, METH_O, NULL},
    {"defaults", native_defaults, METH_O, NULL},
    {"cpu", native_cpu, METH_NOARGS, NULL},
    {0},
};

static int add_names(PyObject *module, const char *attribute, const char *const *names) {
  Py_ssize_t count = 0;
  while (names[count]) count++;
  PyObject *tuple = PyTuple_New(count);
  for (Py_ssize_t i = 0; tuple && i < count; i++) {
    PyObject *name = PyUnicode_FromString(names[i]);
    if (!name || PyTuple_SetItem(tuple, i, name)) Py_CLEAR(tuple);
  }
  int status = tuple ? PyObject_SetAttrString(module, attribute, tuple) : -1;
  Py_XDECREF(tuple);
  return status;
}

static int native_exec(PyObject *module) {
  pool_start();
  if (PyModule_AddFunctions(module, statistics_methods) || PyModule_AddFunctions(module, lab_methods))
    return -1;
  PyObject *type = PyType_FromSpec(&loss_spec);
  int status = type ? PyObject_SetAttrString(module, "Loss", type) : -1;
  Py_XDECREF(type);
  if (status || add_names(module, "LOSSES", mixent_loss_names) ||
      add_names(module, "TRANSFORMS", mixent_style_names) || add_names(module, "TERMS", mixent_term_names) ||
      add_names(module, "PARAMETERS", mixent_loss_parameter_names) ||
      add_names(module, "ROLES", mixent_results_roles))
    return -1;
  const mixent_loss_options options = mixent_loss_defaults(MIXENT_LOSS_CE);
  const struct {
    const char *name;
    double value;
  } bounds[] = {{"W_LOW", options.w_bounds[0]},
                {"W_HIGH", options.w_bounds[1]},
                {"LOG_B_LOW", log(options.b_bounds[0])},
                {"LOG_B_HIGH", log(options.b_bounds[1])}};
  for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
    PyObject *value = PyFloat_FromDouble(bounds[i].value);
    status = value ? PyObject_SetAttrString(module, bounds[i].name, value) : -1;
    Py_XDECREF(value);
    if (status) return -1;
  }
  static const struct {
    const char *name;
    mixent_type type;
  } types[] = {{"FLOAT32", MIXENT_FLOAT32}, {"FLOAT64", MIXENT_FLOAT64}, {"BFLOAT16", MIXENT_BFLOAT16},
               {"FLOAT16", MIXENT_FLOAT16}, {"INT8", MIXENT_INT8},       {"UINT8", MIXENT_UINT8},
               {"INT16", MIXENT_INT16},     {"INT32", MIXENT_INT32},     {"INT64", MIXENT_INT64}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (PyModule_AddIntConstant(module, types[i].name, types[i].type)) return -1;
  return PyModule_AddStringConstant(module, "VERSION", mixent_version());
}

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, (void *)native_exec},
#ifdef Py_mod_gil /* interpreters without a global lock: a Loss never changes, and the pool has locks of its \
                     own */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef native_module = {
    PyModuleDef_HEAD_INIT,
    "_native",
    "The C library under mixent.",
    0,
    native_methods,
    native_slots,
    NULL,
    NULL,
    NULL,
};

PyMODINIT_FUNC PyInit__native(void) {
  return PyModuleDef_Init(&native_module);
}
