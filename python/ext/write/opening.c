/* opening.c: the arguments of Producer.__init__. */
#include "write/opening.h"

#include "core/arguments.h"
#include "core/errors.h"

#include <string.h>

static int check_range(py_state *state, const char *pool_name, const char *what, Py_ssize_t value)
{
    if (value >= 1 && value <= PMIPC_MAX_HISTORY_LEN)
        return 0;
    py_raise_format(state, PMIPC_INVALID_ARGUMENT, "pool '%s': %s must be 1 to %d, not %zd", pool_name, what,
                    PMIPC_MAX_HISTORY_LEN, value);
    return -1;
}

static int check_mode(py_state *state, const char *pool_name, Py_ssize_t mode)
{
    if (mode >= 1 && mode <= 0777)
        return 0;
    char octal[32]; /* PyUnicode_FromFormat has no %o */
    PyOS_snprintf(octal, sizeof octal, "%s0o%llo", mode < 0 ? "-" : "", (unsigned long long)(mode < 0 ? -mode : mode));
    py_raise_format(state, PMIPC_INVALID_ARGUMENT, "pool '%s': mode must be 0o1 to 0o777, not %s", pool_name, octal);
    return -1;
}

int py_opening_parse(py_state *state, PyObject *args, PyObject *kwargs, py_opening *given)
{
    static char *keywords[] = {"pool_name", "schema", "history_len", "spare",     "mode",     "origin", "metadata",
                               "folder",    "grow",   "keep",        "max_bytes", "recreate", "adopt",  NULL};
    Py_ssize_t history_len, spare, mode, max_bytes = 0;
    const char *origin;
    int grow, keep, recreate = 0, adopt = 1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "UO!nnnsOOpp|npp", keywords, &given->name, state->schema_type,
                                     &given->schema, &history_len, &spare, &mode, &origin, &given->metadata,
                                     &given->folder, &grow, &keep, &max_bytes, &recreate, &adopt))
        return -1;
    given->name_text = py_pool_name(state, given->name);
    if (given->name_text == NULL || check_range(state, given->name_text, "history_len", history_len) < 0 ||
        check_range(state, given->name_text, "spare", spare) < 0 || check_mode(state, given->name_text, mode) < 0)
        return -1;
    if (max_bytes < 0) {
        py_raise_format(state, PMIPC_INVALID_ARGUMENT, "pool '%s': max_bytes must be 1 or more, not %zd",
                        given->name_text, max_bytes);
        return -1;
    }
    if (strcmp(origin, "torch") != 0 && strcmp(origin, "numpy") != 0) {
        PyErr_Format(PyExc_ValueError, "pool '%s': origin must be \"numpy\" or \"torch\", not \"%s\"", given->name_text,
                     origin);
        return -1;
    }
    given->options = (pmipc_producer_options){
        .history_len = (uint32_t)history_len,
        .spare = (uint32_t)spare,
        .mode = (uint32_t)mode,
        .origin = strcmp(origin, "torch") == 0 ? PMIPC_ORIGIN_TORCH : PMIPC_ORIGIN_NUMPY,
        .max_bytes = (uint64_t)max_bytes,
        .no_growth = !grow,
        .keep = keep,
        .recreate = recreate,
        .no_adopt = !adopt,
    };
    if (py_optional_text(given->metadata, "metadata", &given->options.metadata) < 0 ||
        py_optional_text(given->folder, "folder", &given->options.folder) < 0)
        return -1;
    return 0;
}
