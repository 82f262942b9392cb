/* A plugin that includes the library; test_fault_handlers loads and unloads it. */
#include <polymorph_ipc/status.h>

__attribute__((visibility("default"))) int plugin_explain_faults(void);

int plugin_explain_faults(void)
{
    return pmipc_explain_faults(NULL);
}
