/* registry.c: facts of pools as plain Python values. The package makes PoolInfos of them. */
#include "registry.h"

#include "arrays/schema.h"
#include "core/arguments.h"
#include "core/errors.h"
#include "core/infos.h"
#include "core/values.h"

static PyObject *readers_of(const pmipc_pool_info *info)
{
    uint32_t count = info->reader_count < PMIPC_MAX_READERS ? info->reader_count : PMIPC_MAX_READERS;
    PyObject *readers = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; readers != NULL && i < count; i++) {
        PyObject *reader = py_reader_row(&info->readers[i]);
        if (reader == NULL)
            Py_CLEAR(readers);
        else
            PyTuple_SET_ITEM(readers, (Py_ssize_t)i, reader);
    }
    return readers;
}

static PyObject *facts_of(py_state *state, const pmipc_pool_info *info)
{
    bool sound = info->status == PMIPC_OK;
    PyObject *name = py_text_of(info->name, sizeof info->name);
    PyObject *schema = sound ? (PyObject *)py_schema_wrap(state, &info->schema) : Py_NewRef(Py_None);
    PyObject *problem = sound ? Py_NewRef(Py_None) : py_text_of(info->problem, sizeof info->problem);
    PyObject *command = py_text_of(info->producer_command, sizeof info->producer_command);
    PyObject *readers = readers_of(info);
    PyObject *metadata =
        info->metadata == NULL ? Py_NewRef(Py_None) : py_text_of(info->metadata, strlen(info->metadata));
    PyObject *facts = NULL;
    if (name != NULL && schema != NULL && problem != NULL && command != NULL && readers != NULL && metadata != NULL)
        facts = Py_BuildValue(
            "{s:O,s:s,s:O,s:O,s:O,s:K,s:K,s:L,s:L,s:I,s:I,s:s,s:K,s:K,s:I,s:I,s:O,s:O,s:i,s:O,s:L,s:K,s:L,s:K,s:K,s:K,"
            "s:K,s:O}",
            "name", name, "status", pmipc_status_name(info->status), "problem", problem, "schema", schema, "metadata",
            metadata, "incarnation", info->incarnation, "seq", info->seq, "stamp", info->stamp_ns, "published",
            info->published_ns, "history_len", info->history_len, "slot_count", info->slot_count, "origin",
            py_origin_name(info->origin), "nbytes", info->payload_bytes, "file_nbytes", info->file_bytes, "mode",
            info->mode, "uid", info->uid, "retired", info->retired ? Py_True : Py_False, "producer_alive",
            info->producer_alive ? Py_True : Py_False, "producer_pid", info->producer_pid, "producer_command", command,
            "producer_since", info->producer_since_ns, "owner_epoch", info->owner_epoch, "clock_offset",
            info->clock_offset_ns, "grown", info->grown, "given_up", info->given_up, "cleared_rows", info->cleared_rows,
            "malformed_cells", info->malformed_cells, "readers", readers);
    Py_XDECREF(name);
    Py_XDECREF(schema);
    Py_XDECREF(problem);
    Py_XDECREF(command);
    Py_XDECREF(readers);
    Py_XDECREF(metadata);
    return facts;
}

PyObject *py_registry_list(PyObject *module, PyObject *folder)
{
    py_state *state = PyModule_GetState(module);
    const char *path;
    pmipc_registry *registry = NULL;
    pmipc_error error = {0};
    if (py_optional_text(folder, "folder", &path) < 0)
        return NULL;
    if (pmipc_registry_open(&registry, path, &error) != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    PyObject *list = PyList_New(0);
    pmipc_pool_info *info = PyMem_Calloc(1, sizeof *info);
    while (list != NULL && info != NULL && pmipc_registry_next(registry, info) == PMIPC_OK) {
        PyObject *facts = facts_of(state, info);
        pmipc_pool_info_release(info);
        if (facts == NULL || PyList_Append(list, facts) < 0)
            Py_CLEAR(list);
        Py_XDECREF(facts);
    }
    if (info == NULL) {
        PyErr_NoMemory();
        Py_CLEAR(list);
    }
    PyMem_Free(info);
    pmipc_registry_close(registry);
    return list;
}

PyObject *py_registry_inspect(PyObject *module, PyObject *args)
{
    py_state *state = PyModule_GetState(module);
    PyObject *name_object;
    const char *name, *folder;
    if (!PyArg_ParseTuple(args, "Uz", &name_object, &folder) || (name = py_pool_name(state, name_object)) == NULL)
        return NULL;
    pmipc_pool_info *info = PyMem_Calloc(1, sizeof *info);
    if (info == NULL)
        return PyErr_NoMemory();
    pmipc_error error = {0};
    PyObject *facts = NULL;
    if (pmipc_pool_inspect(name, folder, info, &error) == PMIPC_OK) {
        facts = facts_of(state, info);
        pmipc_pool_info_release(info);
    } else {
        py_raise_error(state, &error);
    }
    PyMem_Free(info);
    return facts;
}

PyObject *py_registry_remove(PyObject *module, PyObject *args)
{
    py_state *state = PyModule_GetState(module);
    PyObject *name_object;
    const char *name, *folder;
    int force;
    unsigned long long incarnation = 0, owner_epoch = 0;
    if (!PyArg_ParseTuple(args, "Uzp|KK", &name_object, &folder, &force, &incarnation, &owner_epoch) ||
        (name = py_pool_name(state, name_object)) == NULL)
        return NULL;
    pmipc_error error = {0};
    pmipc_status status;
    const pmipc_remove_options options = {
        .incarnation = incarnation,
        .owner_epoch = owner_epoch,
        .force = force != 0,
        .no_wait = owner_epoch != 0, /* its owner was this process, which has released it */
    };
    Py_BEGIN_ALLOW_THREADS
    status = pmipc_pool_remove(name, folder, &options, &error);
    Py_END_ALLOW_THREADS
    if (status != PMIPC_OK) {
        py_raise_error(state, &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

/* The result of clean: names of removed pools, and (name, reason) of entries that were left. `removed` NULL: an
 * exception is set. */
struct cleaned {
    PyObject *removed;
    PyObject *left;
};

/* Called with the GIL. */
static void note_cleaned(const char *name, uint64_t file_bytes, const char *left_because, void *context)
{
    (void)file_bytes;
    struct cleaned *cleaned = context;
    if (cleaned->removed == NULL)
        return;
    PyObject *item = left_because == NULL ? py_text(name) : Py_BuildValue("(NN)", py_text(name), py_text(left_because));
    if (item == NULL || PyList_Append(left_because == NULL ? cleaned->removed : cleaned->left, item) < 0)
        Py_CLEAR(cleaned->removed);
    Py_XDECREF(item);
}

PyObject *py_registry_clean(PyObject *module, PyObject *folder)
{
    py_state *state = PyModule_GetState(module);
    const char *path;
    pmipc_error error = {0};
    if (py_optional_text(folder, "folder", &path) < 0)
        return NULL;
    struct cleaned cleaned = {PyList_New(0), PyList_New(0)};
    if (cleaned.left == NULL)
        Py_CLEAR(cleaned.removed);
    if (cleaned.removed != NULL && pmipc_registry_clean(path, note_cleaned, &cleaned, &error) != PMIPC_OK) {
        py_raise_error(state, &error);
        Py_CLEAR(cleaned.removed);
    }
    PyObject *result = cleaned.removed == NULL ? NULL : PyTuple_Pack(2, cleaned.removed, cleaned.left);
    Py_XDECREF(cleaned.removed);
    Py_XDECREF(cleaned.left);
    return result;
}

PyObject *py_registry_folder(PyObject *module, PyObject *unused)
{
    (void)unused;
    char path[4096];
    pmipc_status status = pmipc_registry_folder(NULL, path, sizeof path);
    if (status != PMIPC_OK) {
        py_raise(PyModule_GetState(module), status, "the path of the registry folder is too long", 0);
        return NULL;
    }
    return PyUnicode_DecodeFSDefault(path);
}
