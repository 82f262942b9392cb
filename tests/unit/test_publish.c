/* Publishing copies: plain tensors, dicts, variable lengths, every dtype, stamps, refusals. */
#include "pools.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *last_error(const pmipc_producer *producer)
{
    static pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    return error.text;
}

TEST(published_sample_is_read_unchanged)
{
    pmipc_producer *producer = bytes_producer("p", 1000, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    char frame[1000];
    for (uint64_t seq = 1; seq <= 50; seq++) {
        frame_fill(frame, sizeof frame, seq);
        uint64_t got = 0;
        CHECK_OK(pmipc_producer_publish(producer, frame, PMIPC_STAMP_NOW, &got));
        memset(frame, 0xee, sizeof frame); /* publish copied it */
        CHECK_EQ(got, seq);
        CHECK_EQ(pmipc_producer_seq(producer), seq);
        CHECK_EQ(read_newest(stream), seq);
    }
    CHECK_OK(pmipc_producer_publish(producer, frame, PMIPC_STAMP_NOW, NULL)); /* seq may be NULL */
    CHECK_EQ(pmipc_producer_seq(producer), 51);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(publish_from_source_of_any_alignment)
{
    pmipc_producer *producer = bytes_producer("p", 333, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    char *memory = malloc(333 + 64);
    for (size_t shift = 0; shift < 64; shift++) {
        frame_fill(memory + shift, 333, shift + 1);
        CHECK_OK(pmipc_producer_publish(producer, memory + shift, PMIPC_STAMP_NOW, NULL));
        CHECK_EQ(read_newest(stream), shift + 1);
    }
    free(memory);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* Sizes around every threshold of copies and strides: bytes, cache lines, pages, streaming copies. */
TEST(every_size_from_zero_to_megabytes_is_read_whole)
{
    const int64_t sizes[] = {0,    1,    7,    8,    63,    64,    65,     127,     128,    191,
                             192,  193,  448,  960,  1984,  4031,  4032,   4033,    4095,   4096,
                             4097, 8127, 8128, 8129, 65472, 65536, 100003, 1048576, 6220800};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        size_t bytes = (size_t)sizes[i];
        pmipc_producer *producer = bytes_producer("p", sizes[i], 2);
        pmipc_stream *stream = stream_open("p", NULL);
        char *frame = malloc(bytes + 1);
        for (uint64_t seq = 1; seq <= 12; seq++) {
            frame_fill(frame, bytes, seq);
            CHECK_OK(pmipc_producer_publish(producer, frame, PMIPC_STAMP_NOW, NULL));
            pmipc_view view = newest_view(stream);
            CHECK_EQ((uintptr_t)view.fields[0].data % 64, 0);
            CHECK_EQ(view.fields[0].length, sizes[i]);
            check_view(&view);
            pmipc_view_release(&view);
        }
        free(frame);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

TEST(zero_dimensional_tensor_is_one_element)
{
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 0, NULL);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    double value = 0.25;
    CHECK_OK(pmipc_producer_publish(producer, &value, PMIPC_STAMP_NOW, NULL));
    pmipc_view view = newest_view(stream);
    CHECK_EQ(view.field_count, 1);
    CHECK_EQ(view.fields[0].length, 1);
    CHECK(memcmp(view.fields[0].data, &value, sizeof value) == 0);
    CHECK_EQ(view.schema->fields[0].ndim, 0);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(tensor_without_elements_is_published_and_read)
{
    const int64_t shape[] = {4, 0};
    pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT32, 2, shape);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_source source = {.data = NULL};
    CHECK_OK(pmipc_producer_publish_fields(producer, &source, 1, 5, NULL));
    pmipc_view view = newest_view(stream);
    CHECK_EQ(view.seq, 1);
    CHECK_EQ(view.stamp_ns, 5);
    CHECK_EQ(view.fields[0].length, 4);
    pmipc_view_release(&view);
    CHECK_OK(pmipc_stream_get_window(stream, 1, 10, &view));
    CHECK_EQ(view.frame_count, 1);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(every_dtype_is_read_exactly)
{
    const pmipc_dtype dtypes[] = {PMIPC_BOOL,
                                  PMIPC_INT8,
                                  PMIPC_INT16,
                                  PMIPC_INT32,
                                  PMIPC_INT64,
                                  PMIPC_UINT8,
                                  PMIPC_UINT16,
                                  PMIPC_UINT32,
                                  PMIPC_UINT64,
                                  PMIPC_FLOAT16,
                                  PMIPC_FLOAT32,
                                  PMIPC_FLOAT64,
                                  PMIPC_LONGDOUBLE,
                                  PMIPC_BFLOAT16,
                                  PMIPC_COMPLEX64,
                                  PMIPC_COMPLEX128,
                                  PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E4M3FN, 8),
                                  PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E5M2, 8),
                                  PMIPC_DTYPE(PMIPC_CODE_FLOAT8_E8M0FNU, 8)};
    const int64_t shape[] = {5, 3};
    for (size_t i = 0; i < COUNT(dtypes); i++) {
        pmipc_schema schema = pmipc_schema_tensor(dtypes[i], 2, shape);
        pmipc_producer *producer = producer_open("p", &schema, NULL);
        pmipc_stream *stream = stream_open("p", NULL);
        char frame[15 * 16];
        frame_fill(frame, sizeof frame, 1);
        CHECK_OK(pmipc_producer_publish(producer, frame, PMIPC_STAMP_NOW, NULL));
        pmipc_view view = newest_view(stream);
        CHECK_EQ(view.schema->fields[0].dtype, dtypes[i]);
        CHECK_EQ(view.schema->fields[0].itemsize, pmipc_dtype_itemsize(dtypes[i]));
        CHECK_OK(pmipc_schema_compare(&schema, view.schema, NULL));
        CHECK(memcmp(view.fields[0].data, frame, 15u * pmipc_dtype_itemsize(dtypes[i])) == 0);
        pmipc_view_release(&view);
        pmipc_stream_close(stream);
        pmipc_producer_close(producer);
    }
}

TEST(opaque_dtype_is_read_with_its_description)
{
    const int64_t shape[] = {2};
    const char *descr = "[[\"x\", \"<f4\"], [\"id\", \"S8\"]]";
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add_opaque(&schema, "", 12, descr, strlen(descr), 1, shape, 0, NULL));
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frame(producer);
    pmipc_view view = newest_view(stream);
    const pmipc_field *field = &view.schema->fields[0];
    CHECK_EQ(field->itemsize, 12);
    CHECK_EQ(field->descr_bytes, strlen(descr));
    CHECK(memcmp(view.schema->text + field->descr_offset, descr, strlen(descr)) == 0);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- dicts ---- */

static pmipc_schema observation_schema(void)
{
    const int64_t rgb[] = {48, 64, 3};
    const int64_t depth[] = {48, 64};
    const int64_t q[] = {7};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema_add(&schema, "rgb", PMIPC_UINT8, 3, rgb, 0);
    schema_add(&schema, "depth", PMIPC_FLOAT32, 2, depth, 0);
    schema_add(&schema, "q", PMIPC_FLOAT64, 1, q, 0);
    schema_add(&schema, "gripper", PMIPC_BOOL, 0, NULL, 0);
    return schema;
}

TEST(fields_of_dict_are_published_together)
{
    pmipc_schema schema = observation_schema();
    pmipc_producer *producer = producer_open("obs", &schema, NULL);
    pmipc_stream *stream = stream_open("obs", NULL);
    char rgb[48 * 64 * 3];
    char depth[48 * 64 * 4];
    char q[56];
    char gripper;
    for (uint64_t seq = 1; seq <= 30; seq++) {
        frame_fill(rgb, sizeof rgb, seq);
        frame_fill(depth, sizeof depth, seq);
        frame_fill(q, sizeof q, seq);
        frame_fill(&gripper, 1, seq);
        const pmipc_source sources[] = {{.data = rgb}, {.data = depth}, {.data = q}, {.data = &gripper, .length = 99}};
        uint64_t got;
        CHECK_OK(pmipc_producer_publish_fields(producer, sources, 4, PMIPC_STAMP_NOW, &got));
        CHECK_EQ(got, seq);
        pmipc_view view = newest_view(stream);
        CHECK_EQ(view.field_count, 4);
        CHECK_EQ(view.fields[0].length, 48);
        CHECK_EQ(view.fields[3].length, 1);
        for (int f = 0; f < 4; f++)
            CHECK_EQ((uintptr_t)view.fields[f].data % 64, 0);
        check_view(&view);
        pmipc_view_release(&view);
    }
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(thirty_two_fields_of_odd_sizes_are_whole_and_aligned)
{
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[16];
    for (int i = 0; i < PMIPC_MAX_FIELDS; i++) {
        const int64_t shape[] = {i * 13};
        snprintf(name, sizeof name, "f%d", i);
        schema_add(&schema, name, PMIPC_UINT8, 1, shape, 0);
    }
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    publish_frames(producer, 20);
    pmipc_view view;
    CHECK_OK(pmipc_stream_get_window(stream, 10, 10, &view));
    CHECK_EQ(view.field_count, PMIPC_MAX_FIELDS);
    for (int f = 0; f < PMIPC_MAX_FIELDS; f++)
        CHECK_EQ((uintptr_t)view.fields[f].data % 64, 0);
    check_view(&view);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(publish_of_dict_or_variable_tensor_without_fields_is_refused)
{
    pmipc_schema schema = observation_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    char data[48 * 64 * 16];
    CHECK_STATUS(pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK(last_error(producer)[0] != '\0');
    pmipc_producer_close(producer);

    const int64_t shape[] = {10};
    pmipc_schema_init(&schema);
    schema_add(&schema, "", PMIPC_UINT8, 1, shape, PMIPC_FIELD_VARIABLE);
    producer = producer_open("p", &schema, NULL);
    CHECK_STATUS(pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK(last_error(producer)[0] != '\0');
    CHECK_EQ(pmipc_producer_seq(producer), 0);
    pmipc_producer_close(producer);
}

TEST(publish_with_wrong_field_count_is_refused)
{
    pmipc_schema schema = observation_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    static char data[48 * 64 * 4];
    pmipc_source sources[PMIPC_MAX_FIELDS + 1];
    for (size_t i = 0; i < COUNT(sources); i++)
        sources[i] = (pmipc_source){.data = data};
    const uint32_t counts[] = {0, 1, 3, 5, 33};
    for (size_t i = 0; i < COUNT(counts); i++) {
        CHECK_STATUS(pmipc_producer_publish_fields(producer, sources, counts[i], 0, NULL), PMIPC_INVALID_ARGUMENT);
        CHECK(last_error(producer)[0] != '\0');
    }
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, 4, 0, NULL));
    CHECK_EQ(pmipc_producer_seq(producer), 1); /* the refused calls left no gap */
    pmipc_producer_close(producer);
}

/* ---- variable lengths ---- */

static pmipc_schema points_schema(void)
{
    const int64_t points[] = {100, 3};
    const int64_t pose[] = {7};
    const int64_t labels[] = {100};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE);
    schema_add(&schema, "pose", PMIPC_FLOAT64, 1, pose, 0);
    schema_add(&schema, "labels", PMIPC_UINT8, 1, labels, PMIPC_FIELD_VARIABLE);
    return schema;
}

TEST(every_sample_has_its_own_length)
{
    pmipc_schema schema = points_schema();
    pmipc_producer *producer = producer_open("points", &schema, NULL);
    pmipc_stream *stream = stream_open("points", NULL);
    char points[1200];
    char pose[56];
    char labels[100];
    const int64_t lengths[] = {0, 1, 100, 50, 99, 0, 100, 3};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        frame_fill(points, sizeof points, i + 1);
        frame_fill(pose, sizeof pose, i + 1);
        frame_fill(labels, sizeof labels, i + 1);
        const pmipc_source sources[] = {{points, lengths[i]}, {pose, 0}, {labels, 100 - lengths[i]}};
        CHECK_OK(pmipc_producer_publish_fields(producer, sources, 3, PMIPC_STAMP_NOW, NULL));
        pmipc_view view = newest_view(stream);
        CHECK_EQ(view.fields[0].length, lengths[i]);
        CHECK_EQ(view.fields[1].length, 7);
        CHECK_EQ(view.fields[2].length, 100 - lengths[i]);
        CHECK(memcmp(view.fields[0].data, points, (size_t)lengths[i] * 12) == 0);
        CHECK(memcmp(view.fields[1].data, pose, sizeof pose) == 0);
        CHECK(memcmp(view.fields[2].data, labels, (size_t)(100 - lengths[i])) == 0);
        pmipc_view_release(&view);
    }
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(stream, 8, 8, &window));
    for (uint32_t i = 0; i < 8; i++) {
        pmipc_frame frame;
        CHECK_OK(pmipc_view_frame(&window, i, &frame));
        CHECK_EQ(frame.fields[0].length, lengths[i]);
        CHECK_EQ(frame.fields[1].length, 7);
        CHECK_EQ(frame.fields[2].length, 100 - lengths[i]);
        frame_fill(points, sizeof points, i + 1);
        CHECK(memcmp(frame.fields[0].data, points, (size_t)lengths[i] * 12) == 0);
    }
    CHECK_EQ(window.fields[0].length, lengths[0]); /* the length of the view is that of its first sample */
    pmipc_view_release(&window);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(sample_longer_than_capacity_is_mismatch_with_both_lengths)
{
    pmipc_schema schema = points_schema();
    const pmipc_producer_options options = {.fixed_capacity = true};
    pmipc_producer *producer = producer_open("points", &schema, &options);
    static char data[16384];
    pmipc_source sources[] = {{data, 100}, {data, 0}, {data, 142}};
    CHECK_STATUS(pmipc_producer_publish_fields(producer, sources, 3, 0, NULL), PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(last_error(producer), "labels");
    CHECK_HAS(last_error(producer), "142");
    CHECK_HAS(last_error(producer), "100");
    CHECK_HAS(last_error(producer), "42");
    const int64_t bad[] = {101, -1, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < COUNT(bad); i++) {
        sources[2].length = 1;
        sources[0].length = bad[i];
        CHECK_STATUS(pmipc_producer_publish_fields(producer, sources, 3, 0, NULL), PMIPC_SCHEMA_MISMATCH);
        CHECK_HAS(last_error(producer), "points");
    }
    sources[0].length = 100;
    uint64_t seq;
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, 3, 0, &seq));
    CHECK_EQ(seq, 1);
    pmipc_producer_close(producer);
}

TEST(variable_field_without_elements_needs_no_data)
{
    pmipc_schema schema = points_schema();
    pmipc_producer *producer = producer_open("points", &schema, NULL);
    pmipc_stream *stream = stream_open("points", NULL);
    char pose[56] = {0};
    const pmipc_source sources[] = {{NULL, 0}, {pose, 0}, {NULL, 0}};
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, 3, 0, NULL));
    pmipc_view view = newest_view(stream);
    CHECK_EQ(view.fields[0].length, 0);
    CHECK_EQ(view.fields[2].length, 0);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(eight_variable_fields_keep_separate_lengths)
{
    const int64_t shape[] = {INT64_C(70000)}; /* more than 16 bits can hold */
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    char name[16];
    for (int i = 0; i < PMIPC_MAX_VARIABLE_FIELDS; i++) {
        snprintf(name, sizeof name, "v%d", i);
        schema_add(&schema, name, PMIPC_UINT8, 1, shape, PMIPC_FIELD_VARIABLE);
    }
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    static char data[70000];
    pmipc_source sources[PMIPC_MAX_VARIABLE_FIELDS];
    for (int i = 0; i < PMIPC_MAX_VARIABLE_FIELDS; i++)
        sources[i] = (pmipc_source){data, 69990 + i};
    CHECK_OK(pmipc_producer_publish_fields(producer, sources, PMIPC_MAX_VARIABLE_FIELDS, 0, NULL));
    pmipc_view view = newest_view(stream);
    for (int i = 0; i < PMIPC_MAX_VARIABLE_FIELDS; i++)
        CHECK_EQ(view.fields[i].length, 69990 + i);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

/* ---- stamps ---- */

TEST(stamps_are_kept_and_stamp_now_is_wall_clock)
{
    pmipc_producer *producer = bytes_producer("p", 8, 3);
    pmipc_stream *stream = stream_open("p", NULL);
    char data[8] = {0};
    const int64_t stamps[] = {0, -1, 1, INT64_MAX, INT64_MIN + 1, 42};
    for (size_t i = 0; i < COUNT(stamps); i++) {
        int64_t before = pmipc_monotonic_ns();
        CHECK_OK(pmipc_producer_publish(producer, data, stamps[i], NULL));
        pmipc_view view = newest_view(stream);
        CHECK_EQ(view.stamp_ns, stamps[i]);
        CHECK(before <= view.published_ns && view.published_ns <= pmipc_monotonic_ns());
        pmipc_view_release(&view);
    }
    int64_t before = pmipc_realtime_ns();
    CHECK_OK(pmipc_producer_publish(producer, data, PMIPC_STAMP_NOW, NULL));
    pmipc_view view = newest_view(stream);
    /* The stamp may be the monotonic time plus an offset, and the two clocks are not read at once; 10 ms is ample. */
    CHECK(before - 10000000 <= view.stamp_ns && view.stamp_ns <= pmipc_realtime_ns() + 10000000);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}
