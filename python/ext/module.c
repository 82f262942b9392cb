/* module.c: the extension module: its functions, its classes, the life of its state. */
#include "arrays/pin.h"
#include "arrays/schema.h"
#include "arrays/torch.h"
#include "core/errors.h"
#include "core/lock.h"
#include "read/stream.h"
#include "read/wait.h"
#include "registry.h"
#include "ros/rcl.h"
#include "ros/ros.h"
#include "write/producer.h"

#include "docs.h"

/* ---- functions */

static PyObject *explain_faults(PyObject *module, PyObject *unused)
{
    (void)unused;
    pmipc_error error = {0};
    if (pmipc_explain_faults(&error) != PMIPC_OK) {
        py_raise_error(PyModule_GetState(module), &error);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *monotonic_ns(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromLongLong(pmipc_monotonic_ns());
}

static PyObject *fork_generation(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromUnsignedLong(py_generation());
}

static PyObject *rcl_available(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyBool_FromLong(py_rcl_find());
}

static PyMethodDef module_functions[] = {
    {"explain_faults", explain_faults, METH_NOARGS, DOC_explain_faults},
    {"wait_any", py_wait_any, METH_VARARGS, DOC_wait_any},
    {"wait_connected", py_wait_connected, METH_VARARGS, DOC_wait_connected},
    {"registry_list", py_registry_list, METH_O, DOC_registry_list},
    {"registry_inspect", py_registry_inspect, METH_VARARGS, DOC_registry_inspect},
    {"registry_remove", py_registry_remove, METH_VARARGS, DOC_registry_remove},
    {"registry_clean", py_registry_clean, METH_O, DOC_registry_clean},
    {"registry_folder", py_registry_folder, METH_NOARGS, DOC_registry_folder},
    {"monotonic_ns", monotonic_ns, METH_NOARGS, DOC_monotonic_ns},
    {"fork_generation", fork_generation, METH_NOARGS, DOC_fork_generation},
    {"rcl_available", rcl_available, METH_NOARGS, DOC_rcl_available},
    {"use_dlpack_exchange", py_torch_set_exchange, METH_O, DOC_use_dlpack_exchange},
    {NULL, NULL, 0, NULL},
};

/* ---- the module */

static int add_class(PyObject *module, PyType_Spec *spec, PyTypeObject **class)
{
    *class = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    return *class == NULL ? -1 : PyModule_AddType(module, *class);
}

static int intern_names(py_state *state)
{
#define NAME_TEXT(name) #name,
    static const char *const texts[NAME_COUNT] = {PY_NAME_MAP(NAME_TEXT)};
#undef NAME_TEXT
    for (int i = 0; i < NAME_COUNT; i++)
        if ((state->names[i] = PyUnicode_InternFromString(texts[i])) == NULL)
            return -1;
    return 0;
}

static int add_numbers(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "DEFAULT_SPARE", PMIPC_DEFAULT_SPARE) < 0 ||
        PyModule_AddIntConstant(module, "STAMP_NOW", (long)PMIPC_STAMP_NOW) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "version", pmipc_version());
}

static int module_exec(PyObject *module)
{
    py_state *state = PyModule_GetState(module);
    state->abandoned = PyDict_New();
    if (py_numpy_import() < 0 || state->abandoned == NULL ||
        PyModule_AddObjectRef(module, "abandoned", state->abandoned) < 0 || py_fork_watch() < 0 ||
        intern_names(state) < 0 || py_errors_init(module, state) < 0 || add_numbers(module) < 0 ||
        add_class(module, &py_schema_spec, &state->schema_type) < 0 ||
        add_class(module, &py_pin_spec, &state->pin_type) < 0 ||
        add_class(module, &py_loan_spec, &state->loan_type) < 0 ||
        add_class(module, &py_producer_spec, &state->producer_type) < 0 ||
        add_class(module, &py_stream_spec, &state->stream_type) < 0 ||
        add_class(module, &py_ros_decoder_spec, &state->ros_decoder_type) < 0 ||
        add_class(module, &py_ros_encoder_spec, &state->ros_encoder_type) < 0)
        return -1;
    return 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    py_state *state = PyModule_GetState(module);
    for (int i = 0; i < PY_STATUS_LIMIT; i++)
        Py_VISIT(state->errors[i]);
    Py_VISIT(state->base_error);
    Py_VISIT(state->schema_type);
    Py_VISIT(state->pin_type);
    Py_VISIT(state->loan_type);
    Py_VISIT(state->producer_type);
    Py_VISIT(state->stream_type);
    Py_VISIT(state->ros_decoder_type);
    Py_VISIT(state->ros_encoder_type);
    Py_VISIT(state->sample_info);
    Py_VISIT(state->history_info);
    Py_VISIT(state->field_info);
    Py_VISIT(state->abandoned);
    Py_VISIT(state->torch.module);
    Py_VISIT(state->torch.tensor_type);
    Py_VISIT(state->torch.from_dlpack);
    Py_VISIT(state->torch.to_dlpack);
    return 0;
}

/* Arrays may outlive this call at exit. Their pins need the memory of the state, which stays: their class holds the
 * module. */
static int module_clear(PyObject *module)
{
    py_state *state = PyModule_GetState(module);
    for (int i = 0; i < PY_STATUS_LIMIT; i++)
        Py_CLEAR(state->errors[i]);
    for (int i = 0; i < NAME_COUNT; i++)
        Py_CLEAR(state->names[i]);
    Py_CLEAR(state->base_error);
    Py_CLEAR(state->schema_type);
    Py_CLEAR(state->pin_type);
    Py_CLEAR(state->loan_type);
    Py_CLEAR(state->producer_type);
    Py_CLEAR(state->stream_type);
    Py_CLEAR(state->ros_decoder_type);
    Py_CLEAR(state->ros_encoder_type);
    Py_CLEAR(state->sample_info);
    Py_CLEAR(state->history_info);
    Py_CLEAR(state->field_info);
    Py_CLEAR(state->abandoned);
    py_torch_clear(state);
    py_pins_free(state);
    return 0;
}

static void module_free(void *module)
{
    (void)module_clear(module);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters,
     Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED}, /* numpy supports only the main one too */
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,         .m_name = "polymorph_ipc._core", .m_doc = DOC_module,
    .m_size = sizeof(py_state),    .m_methods = module_functions,   .m_slots = module_slots,
    .m_traverse = module_traverse, .m_clear = module_clear,         .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void)
{
    py_state_set_definition(&module_definition);
    return PyModuleDef_Init(&module_definition);
}
