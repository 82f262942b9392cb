/* case_fields.c: a dict of three fields, compared with one tensor of the same size, bytes=N.
 *
 * The dict is an observation: an image, a depth image with a third of the bytes, and seven joint values. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOINTS 7

static pmipc_producer *dict_producer;
static pmipc_producer *tensor_producer;
static pmipc_stream *dict_stream;
static pmipc_stream *tensor_stream;
static unsigned char *source;
static pmipc_source dict_sources[3];

static void publish_dict(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_producer_publish_fields(dict_producer, dict_sources, 3, PMIPC_STAMP_NOW, NULL), "publish_fields",
                NULL);
    }
}

static void publish_tensor(void *context, uint64_t count)
{
    (void)context;
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_producer_publish(tensor_producer, source, PMIPC_STAMP_NOW, NULL), "publish", NULL);
    }
}

static void get_last(void *context, uint64_t count)
{
    pmipc_stream *stream = *(pmipc_stream **)context;
    pmipc_view view;
    for (uint64_t i = 0; i < count; i++) {
        require(pmipc_stream_get_last(stream, &view), "get_last", NULL);
        clobber_memory();
        pmipc_view_release(&view);
    }
}

static void open_pool(const char *topic, const pmipc_schema *schema, pmipc_producer **producer)
{
    char name[64];
    pmipc_error error;
    pool_name(name, sizeof name, topic, getpid());
    require(pmipc_producer_open(producer, name, schema, NULL, &error), "producer_open", &error);
}

static void open_stream(const char *topic, pmipc_stream **stream)
{
    char name[64];
    pmipc_error error;
    pool_name(name, sizeof name, topic, getpid());
    require(pmipc_stream_open(stream, name, NULL, &error), "stream_open", &error);
}

static void make_schemas(size_t bytes, pmipc_schema *dict, pmipc_schema *tensor)
{
    pmipc_error error;
    const size_t depth_bytes = (bytes - JOINTS * sizeof(double)) / 4;
    const size_t image_bytes = bytes - JOINTS * sizeof(double) - depth_bytes;
    const int64_t image_shape[] = {(int64_t)image_bytes};
    const int64_t depth_shape[] = {(int64_t)depth_bytes};
    const int64_t joint_shape[] = {JOINTS};
    const int64_t tensor_shape[] = {(int64_t)bytes};
    pmipc_schema_init(dict);
    require(pmipc_schema_add(dict, "rgb", PMIPC_UINT8, 1, image_shape, 0, &error), "schema_add", &error);
    require(pmipc_schema_add(dict, "depth", PMIPC_UINT8, 1, depth_shape, 0, &error), "schema_add", &error);
    require(pmipc_schema_add(dict, "q", PMIPC_FLOAT64, 1, joint_shape, 0, &error), "schema_add", &error);
    *tensor = pmipc_schema_tensor(PMIPC_UINT8, 1, tensor_shape);
    dict_sources[0] = (pmipc_source){source, 0};
    dict_sources[1] = (pmipc_source){source + image_bytes, 0};
    dict_sources[2] = (pmipc_source){source + image_bytes + depth_bytes, 0};
}

static uint32_t open_fields(const probe_arguments *arguments, probe_operation *operations)
{
    static pmipc_schema dict, tensor;
    const size_t bytes = arguments->bytes;
    source = malloc(bytes);
    if (!source) {
        die("out of memory");
    }
    memset(source, 1, bytes);
    make_schemas(bytes, &dict, &tensor);
    open_pool("dict", &dict, &dict_producer);
    open_pool("tensor", &tensor, &tensor_producer);
    publish_dict(NULL, 1);
    publish_tensor(NULL, 1);
    open_stream("dict", &dict_stream);
    open_stream("tensor", &tensor_stream);
    const uint64_t batch = bytes < 65536 ? 1000 : 13;
    operations[0] = (probe_operation){"publish_dict", batch, NULL, publish_dict, NULL, NULL};
    operations[1] = (probe_operation){"publish_tensor", batch, NULL, publish_tensor, NULL, NULL};
    operations[2] = (probe_operation){"get_dict", 1000, NULL, get_last, &dict_stream, NULL};
    operations[3] = (probe_operation){"get_tensor", 1000, NULL, get_last, &tensor_stream, NULL};
    return 4;
}

static void close_fields(void)
{
    pmipc_stream_close(dict_stream);
    pmipc_stream_close(tensor_stream);
    pmipc_producer_close(dict_producer);
    pmipc_producer_close(tensor_producer);
    free(source);
}

const probe_case case_fields = {"fields", "a dict of three fields; one tensor of the same bytes", open_fields,
                                close_fields};
