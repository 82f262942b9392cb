// from_cxx.cpp: the C interface in C++17: publish one sample, read it, inspect the pool.
#include <cstdio>
#include <cstring>
#include <polymorph_ipc/polymorph_ipc.h>

int main()
{
    const int64_t shape[] = {2, 3};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT32, 2, shape);
    const float sample[6] = {1, 2, 3, 4, 5, 6};
    pmipc_error error;
    pmipc_producer *producer = nullptr;
    pmipc_stream *stream = nullptr;
    pmipc_view view{};
    if (pmipc_producer_open(&producer, "packaging/cxx", &schema, nullptr, &error) != PMIPC_OK ||
        pmipc_stream_open(&stream, "packaging/cxx", nullptr, &error) != PMIPC_OK) {
        std::fprintf(stderr, "from_cxx: %s\n", error.text);
        return 1;
    }
    uint64_t seq = 0;
    if (pmipc_producer_publish(producer, sample, PMIPC_STAMP_NOW, &seq) != PMIPC_OK || seq != 1)
        return 2;
    if (pmipc_stream_get_last(stream, &view) != PMIPC_OK || view.seq != 1 ||
        std::memcmp(pmipc_view_float32(&view, nullptr, 6, &error), sample, sizeof sample) != 0)
        return 3;
    if (pmipc_view_float64(&view, nullptr, 6, &error) != nullptr || error.status != PMIPC_SCHEMA_MISMATCH)
        return 5;
    pmipc_view_release(&view);
    pmipc_pool_info info;
    if (pmipc_pool_inspect("packaging/cxx", nullptr, &info, &error) != PMIPC_OK || info.reader_count != 1)
        return 4;
    pmipc_pool_info_release(&info);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    std::puts(pmipc_version());
    return 0;
}
