/* at.c: get_at: samples by their stamps. */
#include "core/arguments.h"
#include "core/errors.h"
#include "read/deliver.h"
#include "read/gather.h"
#include "read/info.h"
#include "read/look.h"
#include "read/stream.h"
#include "read/wait.h"

typedef struct at_arguments {
    pmipc_at_method method;
    int64_t tolerance_ns;
    bool waits; /* for a sample stamped at or after the stamp */
    int64_t timeout_ns;
} at_arguments;

/* 1: the lease has the sample; 0: no sample fits; -1: exception. */
static int find(py_stream *self, int64_t stamp_ns, const at_arguments *wanted, int64_t max_age_ns, py_lease *lease)
{
    if (py_stream_usable(self) < 0 || py_lease_begin(self->state, py_stream_gives_torch(self), lease) < 0)
        return -1;
    const py_query query = {
        .kind = PY_LOOK_AT, .stamp_ns = stamp_ns, .method = wanted->method, .tolerance_ns = wanted->tolerance_ns};
    pmipc_status status = py_look(self, &query, lease->view, NULL);
    if (status == PMIPC_OK && !py_is_stale(lease->view, max_age_ns))
        return 1;
    return py_read_failed(self, status, lease);
}

static PyObject *get_one(py_stream *self, int64_t stamp_ns, const at_arguments *wanted, const py_read_options *options)
{
    py_lease lease;
    int found = wanted->waits ? py_wait_at(self, stamp_ns, wanted->timeout_ns) : 1;
    if (found > 0)
        found = find(self, stamp_ns, wanted, options->max_age_ns, &lease);
    if (found <= 0)
        return found < 0 ? NULL : py_nothing(options);
    return py_deliver(self, &lease, NULL, options);
}

/* ---- several stamps */

/* What get_many builds. It begins with the first sample, which has the schema. */
typedef struct many {
    py_gather *gather;
    py_schema *schema;
    PyObject *info;
    int64_t now_ns;
} many;

static void many_clear(many *all)
{
    if (all->gather != NULL)
        py_gather_free(all->gather);
    Py_XDECREF((PyObject *)all->schema);
    Py_XDECREF(all->info);
}

/* `schema`, stolen, is of the first sample; NULL with an exception set. */
static int many_begin(many *all, py_stream *self, Py_ssize_t count, py_schema *schema, const py_read_options *options)
{
    all->now_ns = pmipc_monotonic_ns();
    all->schema = schema;
    if (schema == NULL)
        return -1;
    if (options->return_info && (all->info = py_history_info_begin(self->state, count, 0, true)) == NULL)
        return -1;
    all->gather = py_gather_begin(self, all->schema, count, NULL, options->out, false);
    return all->gather == NULL ? -1 : 0;
}

static int many_add(many *all, Py_ssize_t row, const pmipc_view *view)
{
    /* With expect="any" a pool with another schema may take the place of this one between two stamps. */
    if (pmipc_schema_compare(&all->schema->schema, view->schema, NULL) != PMIPC_OK) {
        py_raise_format(all->schema->state, PMIPC_SCHEMA_MISMATCH, "pool '%s': the schema changed during this read",
                        all->gather->stream->name_text);
        return -1;
    }
    if (all->info != NULL)
        py_history_info_row(all->info, row, view->seq, view->stamp_ns, view->published_ns, all->now_ns);
    return py_gather_rows(all->gather, row, 1, view->fields, 0);
}

/* For no stamps: an empty array of the current schema. 1: begun; 0: no schema yet; -1 exception. */
static int begin_empty(many *all, py_stream *self, const py_read_options *options)
{
    if (py_stream_usable(self) < 0)
        return -1;
    py_schema *schema = py_stream_current_schema(self);
    if (schema == NULL)
        return PyErr_Occurred() ? -1 : 0;
    return many_begin(all, self, 0, schema, options) < 0 ? -1 : 1;
}

/* Count rows that were read before one that was missing or failed: the caller gets none of them. */
static void count_undelivered(py_stream *self, uint64_t reads, uint64_t copies)
{
    py_turn_begin(&self->turn);
    self->undelivered += reads;
    self->undelivered_copies += copies;
    py_turn_end(&self->turn);
}

/* Wait for a sample at or after the latest stamp: it ends the wait for all of them. */
static int wait_for_last(py_stream *self, const int64_t *stamp_ns, Py_ssize_t count, const at_arguments *wanted)
{
    int64_t latest_ns = stamp_ns[0];
    for (Py_ssize_t i = 1; i < count; i++)
        latest_ns = stamp_ns[i] > latest_ns ? stamp_ns[i] : latest_ns;
    return wanted->waits ? py_wait_at(self, latest_ns, wanted->timeout_ns) : 1;
}

/* `stamps` is a 1-d array of int64 ns. */
static PyObject *get_many(py_stream *self, PyArrayObject *stamps, const at_arguments *wanted,
                          const py_read_options *options)
{
    many all = {0};
    Py_ssize_t count = (Py_ssize_t)PyArray_DIM(stamps, 0);
    const int64_t *stamp_ns = PyArray_DATA(stamps);
    PyObject *result = NULL;
    uint64_t reads = 0, copies = 0; /* of the rows so far */
    int found = count == 0 ? begin_empty(&all, self, options) : wait_for_last(self, stamp_ns, count, wanted);
    for (Py_ssize_t row = 0; row < count && found > 0; row++) {
        py_lease lease;
        found = find(self, stamp_ns[row], wanted, options->max_age_ns, &lease);
        if (found <= 0)
            break;
        if ((row == 0 && many_begin(&all, self, count, py_stream_schema(self, lease.view->schema), options) < 0) ||
            many_add(&all, row, lease.view) < 0)
            found = -1;
        if (found < 0) {
            py_stream_drop(self, &lease);
            break;
        }
        reads++;
        copies += lease.view->copied;
        py_lease_end(&lease);
    }
    if (found <= 0)
        count_undelivered(self, reads, copies);
    if (found == 0) {
        result = py_nothing(options);
    } else if (found > 0) {
        py_gather *gather = all.gather;
        all.gather = NULL;
        result = py_gather_end(gather);
        PyObject *info = all.info;
        all.info = NULL;
        result = py_with_info(result, info);
    }
    many_clear(&all);
    return result;
}

/* ---- arguments */

/* An array of stamps as int64 ns, new: integers are ns, floats are seconds. */
static PyArrayObject *stamps_of(py_stream *self, PyArrayObject *array)
{
    if (PyArray_NDIM(array) != 1) {
        PyErr_Format(PyExc_ValueError,
                     "pool '%s': stamp must be one stamp or a 1-d array of them, not an array of %d dimensions",
                     self->name_text, PyArray_NDIM(array));
        return NULL;
    }
    if (PyArray_ISINTEGER(array) || PyArray_SIZE(array) == 0)
        return (PyArrayObject *)PyArray_FROMANY((PyObject *)array, NPY_INT64, 1, 1,
                                                NPY_ARRAY_CARRAY_RO | NPY_ARRAY_FORCECAST);
    if (!PyArray_ISFLOAT(array)) {
        PyErr_Format(PyExc_TypeError, "pool '%s': stamps must be integers (ns) or floats (seconds), not %S",
                     self->name_text, (PyObject *)PyArray_DESCR(array));
        return NULL;
    }
    npy_intp *dims = PyArray_DIMS(array);
    PyArrayObject *result = (PyArrayObject *)PyArray_SimpleNew(1, dims, NPY_INT64);
    for (npy_intp i = 0; result != NULL && i < dims[0]; i++) {
        PyObject *item = PyArray_GETITEM(array, PyArray_GETPTR1(array, i));
        if (item == NULL || py_stamp(item, "stamp", self->name_text, (int64_t *)PyArray_GETPTR1(result, i)) < 0)
            Py_CLEAR(result);
        Py_XDECREF(item);
    }
    return result;
}

static int parse_arguments(py_stream *self, PyObject *method, PyObject *tolerance, PyObject *timeout,
                           at_arguments *wanted)
{
    *wanted = (at_arguments){.method = PMIPC_AT_NEAREST, .tolerance_ns = -1, .waits = timeout != NULL};
    if (py_seconds(timeout, "timeout", self->name_text, PMIPC_FOREVER, &wanted->timeout_ns) < 0)
        return -1;
    if (method != NULL) {
        static const char *const names[] = {"nearest", "before", "after"};
        int known = -1;
        for (int i = 0; i < 3 && PyUnicode_Check(method); i++)
            if (PyUnicode_CompareWithASCIIString(method, names[i]) == 0)
                known = i;
        if (known < 0) {
            py_raise_format(self->state, PMIPC_INVALID_ARGUMENT,
                            "pool '%s': method must be \"nearest\", \"before\" or \"after\", not %R", self->name_text,
                            method);
            return -1;
        }
        wanted->method = (pmipc_at_method)known;
    }
    if (tolerance == NULL || tolerance == Py_None)
        return 0;
    if (PyFloat_Check(tolerance) && PyFloat_AS_DOUBLE(tolerance) == Py_HUGE_VAL)
        return 0;
    if (py_stamp(tolerance, "tolerance", self->name_text, &wanted->tolerance_ns) < 0)
        return -1;
    if (wanted->tolerance_ns < 0) {
        py_raise_format(self->state, PMIPC_INVALID_ARGUMENT, "pool '%s': tolerance must be zero or more, not %R",
                        self->name_text, tolerance);
        return -1;
    }
    return 0;
}

static PyObject *get_at_scalar(py_stream *self, PyObject *value, const at_arguments *wanted,
                               const py_read_options *options)
{
    int64_t stamp_ns;
    if (py_stamp(value, "stamp", self->name_text, &stamp_ns) < 0)
        return NULL;
    return get_one(self, stamp_ns, wanted, options);
}

/* numpy would convert a list of int and float to float, and so nanoseconds to seconds. */
static int refuse_mixed(py_stream *self, PyObject *value)
{
    if (!PyList_Check(value) && !PyTuple_Check(value))
        return 0;
    bool has_floats = false, has_integers = false;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(value); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(value, i);
        has_floats |= PyFloat_Check(item) || PyArray_IsScalar(item, Floating);
        has_integers |= PyLong_Check(item) || PyArray_IsScalar(item, Integer);
    }
    if (!has_floats || !has_integers)
        return 0;
    PyErr_Format(PyExc_TypeError, "pool '%s': stamps must be all int (ns) or all float (seconds), not some of each",
                 self->name_text);
    return -1;
}

static PyObject *get_at_array(py_stream *self, PyObject *value, const at_arguments *wanted,
                              const py_read_options *options)
{
    if (refuse_mixed(self, value) < 0)
        return NULL;
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_O(value);
    if (array == NULL)
        return NULL;
    PyObject *result = NULL;
    if (PyArray_NDIM(array) == 0) {
        PyObject *scalar = PyArray_ToScalar(PyArray_DATA(array), array);
        if (scalar != NULL)
            result = get_at_scalar(self, scalar, wanted, options);
        Py_XDECREF(scalar);
    } else {
        PyArrayObject *stamps = stamps_of(self, array);
        if (stamps != NULL)
            result = get_many(self, stamps, wanted, options);
        Py_XDECREF((PyObject *)stamps);
    }
    Py_DECREF(array);
    return result;
}

PyObject *py_stream_get_at(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames)
{
    /* clang-format off */
    static const py_signature signature = {
        "get_at", 3, 1, 8,
        {NAME_stamp, NAME_method, NAME_tolerance, NAME_timeout, NAME_copy, NAME_out, NAME_max_age, NAME_return_info}};
    /* clang-format on */
    py_stream *self = (py_stream *)object;
    py_read_options options;
    PyObject *values[8];
    at_arguments wanted;
    if (py_stream_usable(self) < 0 || py_parse(self->state, &signature, args, nargs, kwnames, values) < 0 ||
        parse_arguments(self, values[1], values[2], values[3], &wanted) < 0 ||
        py_read_options_parse(self, values + 4, &options) < 0)
        return NULL;
    if (PyFloat_Check(values[0]) || PyLong_Check(values[0]) || PyArray_IsScalar(values[0], Generic))
        return get_at_scalar(self, values[0], &wanted, &options);
    return get_at_array(self, values[0], &wanted, &options);
}
