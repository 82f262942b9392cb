/* arguments.c: what callers pass: keyword arguments of fast calls, texts, seconds, stamps. */
#include "core/arguments.h"

#include "core/errors.h"

#include <math.h>
#include <stdarg.h>

#define NS_PER_SECOND 1000000000

/* Index of a keyword in the signature; -1 unknown, -2 exception. Names are nearly always interned, so pointers are
 * compared first. */
static int find_name(const py_state *state, const py_signature *signature, PyObject *keyword)
{
    for (int i = 0; i < signature->count; i++)
        if (state->names[signature->names[i]] == keyword)
            return i;
    for (int i = 0; i < signature->count; i++) {
        int order = PyUnicode_Compare(state->names[signature->names[i]], keyword);
        if (order == 0)
            return i;
        if (order == -1 && PyErr_Occurred())
            return -2;
    }
    return -1;
}

/* "copy=, out=": the names of the arguments. */
static PyObject *list_names(const py_state *state, const py_signature *signature)
{
    PyObject *text = PyUnicode_FromString("");
    for (int i = 0; text != NULL && i < signature->count; i++) {
        PyObject *longer = PyUnicode_FromFormat(i == 0 ? "%U%U=" : "%U, %U=", text, state->names[signature->names[i]]);
        Py_SETREF(text, longer);
    }
    return text;
}

/* Whether this is a read without a timeout: its error text names the reads that wait. */
static bool never_waits(const py_signature *signature)
{
    bool reads = false, waits = false;
    for (int i = 0; i < signature->count; i++) {
        reads |= signature->names[i] == NAME_max_age;
        waits |= signature->names[i] == NAME_timeout;
    }
    return reads && !waits;
}

/* Raise TypeError with the problem and the arguments that the function takes. Always -1. */
static int refuse_call(const py_state *state, const py_signature *signature, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *problem = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    PyObject *names = problem == NULL ? NULL : list_names(state, signature);
    if (names != NULL)
        PyErr_Format(PyExc_TypeError, "%s() %U: it takes %U%s", signature->function, problem, names,
                     never_waits(signature) ? " and never waits; get_new(timeout=...) and get_next(timeout=...) do"
                                            : "");
    Py_XDECREF(problem);
    Py_XDECREF(names);
    return -1;
}

int py_parse(const py_state *state, const py_signature *signature, PyObject *const *args, Py_ssize_t nargs,
             PyObject *kwnames, PyObject **values)
{
    for (int i = 0; i < signature->count; i++)
        values[i] = NULL;
    if (nargs > signature->positional) {
        if (signature->positional == 0)
            return refuse_call(state, signature, "takes no positional arguments (%zd given)", nargs);
        return refuse_call(state, signature, "takes at most %d positional argument%s (%zd given)",
                           signature->positional, signature->positional == 1 ? "" : "s", nargs);
    }
    for (Py_ssize_t i = 0; i < nargs; i++)
        values[i] = args[i];
    Py_ssize_t keyword_count = kwnames == NULL ? 0 : PyTuple_GET_SIZE(kwnames);
    for (Py_ssize_t i = 0; i < keyword_count; i++) {
        PyObject *keyword = PyTuple_GET_ITEM(kwnames, i);
        int index = find_name(state, signature, keyword);
        if (index == -2)
            return -1;
        if (index < 0)
            return refuse_call(state, signature, "got an unexpected keyword argument '%U'", keyword);
        if (values[index] != NULL) {
            PyErr_Format(PyExc_TypeError, "%s() got multiple values for argument '%U'", signature->function, keyword);
            return -1;
        }
        values[index] = args[nargs + i];
    }
    for (int i = 0; i < signature->required; i++) {
        if (values[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%s() missing required argument '%U'", signature->function,
                         state->names[signature->names[i]]);
            return -1;
        }
    }
    return 0;
}

const char *py_pool_name(py_state *state, PyObject *name)
{
    Py_ssize_t bytes;
    const char *text = PyUnicode_AsUTF8AndSize(name, &bytes);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        PyErr_Clear();
    else if (text == NULL || strlen(text) == (size_t)bytes)
        return text;
    py_raise_format(state, PMIPC_INVALID_NAME, "invalid pool name %R: a name consists of A-Z a-z 0-9 _ - . and /",
                    name);
    return NULL;
}

int py_optional_text(PyObject *value, const char *what, const char **text)
{
    Py_ssize_t bytes = 0;
    *text = NULL;
    if (value == Py_None)
        return 0;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be str or None, not %.100s", what, Py_TYPE(value)->tp_name);
        return -1;
    }
    *text = PyUnicode_AsUTF8AndSize(value, &bytes);
    if (*text == NULL)
        return -1;
    if (strlen(*text) == (size_t)bytes)
        return 0;
    PyErr_Format(PyExc_ValueError, "%s contains a zero character", what);
    return -1;
}

/* ---- numbers */

/* Raise an exception whose text has the pool's name, the name of the number and the problem. Always -1. */
static int refuse_number(PyObject *exception, const char *pool_name, const char *what, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    PyObject *problem = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (problem == NULL)
        return -1;
    if (pool_name != NULL)
        PyErr_Format(exception, "pool '%s': %s %U", pool_name, what, problem);
    else
        PyErr_Format(exception, "%s %U", what, problem);
    Py_DECREF(problem);
    return -1;
}

/* Seconds as ns, rounded to the nearest. Whole seconds and the rest are converted separately: a double holds both
 * exactly. */
static int ns_of_double(double seconds, const char *what, const char *pool_name, int64_t *ns)
{
    double whole = floor(seconds);
    if (!(fabs(whole) < (double)(INT64_MAX / NS_PER_SECOND)))
        return refuse_number(PyExc_ValueError, pool_name, what, "is out of range");
    *ns = (int64_t)whole * NS_PER_SECOND + (int64_t)llround((seconds - whole) * NS_PER_SECOND);
    return 0;
}

int py_seconds(PyObject *value, const char *what, const char *pool_name, int64_t absent, int64_t *ns)
{
    *ns = absent;
    if (value == NULL || value == Py_None)
        return 0;
    double seconds = PyFloat_AsDouble(value);
    if (seconds == -1.0 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError))
            (void)refuse_number(PyExc_TypeError, pool_name, what, "must be a number of seconds or None, not %.100s",
                                Py_TYPE(value)->tp_name);
        return -1;
    }
    if (isnan(seconds) || seconds < 0)
        return refuse_number(PyExc_ValueError, pool_name, what, "must be zero or more seconds, or None; got %R", value);
    if (seconds >= (double)(INT64_MAX / NS_PER_SECOND)) /* 292 years: no limit */
        return 0;
    return ns_of_double(seconds, what, pool_name, ns);
}

/* Units that a stamp may be in by mistake. */
static const struct unit {
    const char *name;
    int64_t per_second;
} units[] = {{"seconds", 1}, {"milliseconds", 1000}, {"microseconds", 1000000}, {"nanoseconds", NS_PER_SECOND}};

enum { COARSE_UNITS = 3 };                          /* the units coarser than ns: the first three */
#define COARSE_LIMIT_NS INT64_C(100000000000000000) /* between the time of day in µs and in ns */

/* Raise ValueError for a float stamp of over 292 years, which is most likely not in seconds. Always -1. */
static int refuse_float(PyObject *value, double number, const char *what, const char *pool_name)
{
    const double now_s = (double)pmipc_realtime_ns() / NS_PER_SECOND;
    const char *name = NULL;
    for (size_t i = 1; i < sizeof units / sizeof units[0]; i++)
        if (fabs(number / (double)units[i].per_second - now_s) < now_s / 2)
            name = units[i].name;
    if (name == NULL)
        return refuse_number(PyExc_ValueError, pool_name, what, "is out of range: %R; a float means seconds, an int ns",
                             value);
    return refuse_number(PyExc_ValueError, pool_name, what,
                         "is out of range: %R was given as a float, which means seconds, but it is the time of day in "
                         "%s: pass time.time() or time.time_ns()",
                         value, name);
}

static int ns_of_stamp(PyObject *value, double seconds, const char *what, const char *pool_name, int64_t *ns)
{
    if (!(fabs(seconds) < (double)(INT64_MAX / NS_PER_SECOND)))
        return refuse_float(value, seconds, what, pool_name);
    return ns_of_double(seconds, what, pool_name, ns);
}

int py_stamp(PyObject *value, const char *what, const char *pool_name, int64_t *ns)
{
    if (PyFloat_Check(value))
        return ns_of_stamp(value, PyFloat_AS_DOUBLE(value), what, pool_name, ns);
    if (PyIndex_Check(value) && !PyBool_Check(value)) {
        PyObject *index = PyNumber_Index(value);
        if (index == NULL)
            return -1;
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(index, &overflow);
        Py_DECREF(index);
        if (number == -1 && PyErr_Occurred())
            return -1;
        if (overflow != 0 || number == PMIPC_STAMP_NOW)
            return refuse_number(PyExc_ValueError, pool_name, what, "is out of range: %R ns", value);
        *ns = number;
        return 0;
    }
    if (PyArray_IsScalar(value, Floating)) {
        double seconds = PyFloat_AsDouble(value);
        if (seconds == -1.0 && PyErr_Occurred())
            return -1;
        return ns_of_stamp(value, seconds, what, pool_name, ns);
    }
    return refuse_number(PyExc_TypeError, pool_name, what, "must be int (ns) or float (seconds), not %.100s",
                         Py_TYPE(value)->tp_name);
}

/* Log a warning that a stamp is most likely the time of day in another unit than ns. -1 when a handler of the logger
 * raises. */
static int warn_of_unit(int64_t stamp_ns, const char *unit, const char *pool_name, bool *warned)
{
    *warned = true;
    PyObject *logging = PyImport_ImportModule("logging");
    PyObject *logger = logging == NULL ? NULL : PyObject_CallMethod(logging, "getLogger", "s", "polymorph_ipc");
    PyObject *result = NULL;
    if (logger != NULL)
        result = PyObject_CallMethod(logger, "warning", "ssLs",
                                     "pool '%s': the stamp %d was given as an int, which means ns, but it is the time "
                                     "of day in %s: pass time.time() or time.time_ns()",
                                     pool_name, (long long)stamp_ns, unit);
    Py_XDECREF(logging);
    Py_XDECREF(logger);
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

int py_sample_stamp(PyObject *value, const char *pool_name, bool *warned, int64_t *ns)
{
    if (py_stamp(value, "stamp", pool_name, ns) < 0)
        return -1;
    if (*ns <= 0 || *ns > COARSE_LIMIT_NS || *warned || PyFloat_Check(value) || PyArray_IsScalar(value, Floating))
        return 0;
    /* Simulated time starts near 0 and passes every value in time, so only values within an hour of the time of day are
     * suspicious. */
    int64_t now_s = pmipc_realtime_ns() / NS_PER_SECOND;
    for (int i = 0; i < COARSE_UNITS; i++) {
        int64_t apart_s = *ns / units[i].per_second - now_s;
        if (apart_s > -3600 && apart_s < 3600)
            return warn_of_unit(*ns, units[i].name, pool_name, warned);
    }
    return 0;
}
