// The public headers compile as C++17, alone and together, and their functions can be called.
#include <polymorph_ipc/status.h>

#include <polymorph_ipc/schema.h>

#include <polymorph_ipc/pool.h>

#include <polymorph_ipc/stream.h>
#ifdef PMIPC_PRODUCER_H
#error "a program that only reads includes stream.h without producer.h"
#endif

#include <polymorph_ipc/producer.h>

#include <polymorph_ipc/access.h>

#include <polymorph_ipc/registry.h>

#include <polymorph_ipc/cdr.h>

#include <polymorph_ipc/ros.h>

#include <polymorph_ipc/polymorph_ipc.h>

#include <cstring>
#include <type_traits>

static_assert(std::is_standard_layout<pmipc_schema>::value && std::is_trivially_copyable<pmipc_schema>::value,
              "a schema is a plain value");
static_assert(std::is_trivially_copyable<pmipc_view>::value, "a view is a plain value");
static_assert(PMIPC_DTYPE_BITS(PMIPC_FLOAT64) == 64, "dtype macros are constant expressions");

int main()
{
    const int64_t shape[] = {7};
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    pmipc_error error;
    pmipc_producer_options options = {};
    pmipc_stream_options stream_options = {};
    pmipc_view view = {};
    pmipc_view_release(&view);
    const double *data = pmipc_view_float64(&view, nullptr, 7, &error);
    if (data != nullptr || error.status != PMIPC_INVALID_ARGUMENT)
        return 2;
    const bool ok = pmipc_schema_check(&schema, &error) == PMIPC_OK && options.history_len == 0 &&
                    !stream_options.manual_reconnect && std::strcmp(pmipc_status_name(PMIPC_BUSY), "BUSY") == 0;
    return ok ? 0 : 1;
}
