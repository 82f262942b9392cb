/* infos.c: Python values of what the library knows about readers, and the named tuples of _infos.py. */
#include "core/infos.h"

#include "core/values.h"

int py_infos_import(py_state *state)
{
    PyObject *module = PyImport_ImportModule("polymorph_ipc._infos");
    if (module == NULL)
        return -1;
    PyObject *field = PyObject_GetAttrString(module, "Field");
    /* One after the other: a look-up must not run while the exception of the one before it is set. */
    PyObject *history = field == NULL ? NULL : PyObject_GetAttrString(module, "HistoryInfo");
    PyObject *sample = history == NULL ? NULL : PyObject_GetAttrString(module, "SampleInfo");
    Py_DECREF(module);
    if (sample == NULL) {
        Py_XDECREF(field);
        Py_XDECREF(history);
        return -1;
    }
    Py_XSETREF(state->field_info, field);
    Py_XSETREF(state->history_info, history);
    Py_XSETREF(state->sample_info, sample);
    return 0;
}

const char *py_origin_name(uint32_t origin)
{
    return origin == PMIPC_ORIGIN_TORCH ? "torch" : origin == PMIPC_ORIGIN_NUMPY ? "numpy" : "c";
}

PyObject *py_reader_row(const pmipc_reader_info *reader)
{
    PyObject *command = py_text_of(reader->command, sizeof reader->command);
    if (command == NULL)
        return NULL;
    return Py_BuildValue("(IOiNKKKKIL)", reader->row, reader->alive ? Py_True : Py_False, reader->pid, command,
                         reader->last_seq, reader->dropped, reader->copies, reader->oldest_pin_seq,
                         reader->pinned_slots, reader->since_ns);
}
