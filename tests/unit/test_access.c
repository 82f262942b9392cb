/* Typed pointers: a matching dtype and count return the data; a mismatch returns NULL and an error with expected and
 * got. */
#include "pools.h"

enum { JOINTS = 7 };

static pmipc_schema tensor_schema(pmipc_dtype dtype, int64_t length)
{
    return pmipc_schema_tensor(dtype, 1, &length);
}

static pmipc_schema robot_schema(void)
{
    const int64_t joints[] = {JOINTS}, points[] = {100, 3}, image[] = {4, 5, 3};
    pmipc_schema schema;
    pmipc_schema_init(&schema);
    CHECK_OK(pmipc_schema_add(&schema, "q", PMIPC_FLOAT64, 1, joints, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "dq", PMIPC_FLOAT64, 1, joints, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "points", PMIPC_FLOAT32, 2, points, PMIPC_FIELD_VARIABLE, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "rgb", PMIPC_UINT8, 3, image, 0, NULL));
    CHECK_OK(pmipc_schema_add(&schema, "mass", PMIPC_FLOAT64, 0, NULL, 0, NULL));
    CHECK_OK(pmipc_schema_add_opaque(&schema, "raw", 8, "{}", 2, 1, joints, 0, NULL));
    return schema;
}

static void check_error(const pmipc_error *error, const char *expected, const char *got)
{
    CHECK_EQ(error->status, PMIPC_SCHEMA_MISMATCH);
    CHECK_HAS(error->text, "pool 'p'");
    CHECK_HAS(error->text, expected);
    CHECK_HAS(error->text, got);
}

TEST(typed_pointer_of_matching_dtype_and_count_is_the_data)
{
    pmipc_schema schema = tensor_schema(PMIPC_FLOAT64, JOINTS);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_error error;
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    double *q = pmipc_loan_float64(producer, &loan, NULL, JOINTS, &error);
    CHECK(q == loan.fields[0].data);
    for (int joint = 0; joint < JOINTS; joint++)
        q[joint] = joint + 0.5;
    CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
    pmipc_view view = newest_view(stream);
    const double *read = pmipc_view_float64(&view, NULL, JOINTS, NULL);
    CHECK(read == view.fields[0].data);
    CHECK(read[6] == 6.5);
    CHECK(pmipc_view_float64(&view, "", JOINTS, NULL) == read);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(view_of_other_dtype_is_mismatch_with_expected_and_got)
{
    pmipc_schema schema = tensor_schema(PMIPC_FLOAT32, JOINTS);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    const float commands[JOINTS] = {0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f, 0.5f};
    CHECK_OK(pmipc_producer_publish(producer, commands, PMIPC_STAMP_NOW, NULL));
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view = newest_view(stream);
    pmipc_error error;
    CHECK(!pmipc_view_float64(&view, NULL, JOINTS, NULL));
    CHECK(!pmipc_view_float64(&view, NULL, JOINTS, &error));
    check_error(&error, "expected 7 elements of float64 in the tensor", "got 7 elements of float32 (7,)");
    CHECK(!pmipc_view_int32(&view, NULL, JOINTS, NULL)); /* as wide as a float32 */
    CHECK(!pmipc_view_uint32(&view, NULL, JOINTS, NULL));
    CHECK(pmipc_view_float32(&view, NULL, JOINTS, NULL)[6] == 0.5f);
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(view_with_other_element_count_is_mismatch)
{
    pmipc_schema schema = tensor_schema(PMIPC_FLOAT64, JOINTS - 1);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    const double commands[JOINTS - 1] = {1};
    CHECK_OK(pmipc_producer_publish(producer, commands, PMIPC_STAMP_NOW, NULL));
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view view = newest_view(stream);
    pmipc_error error;
    CHECK(!pmipc_view_float64(&view, NULL, JOINTS, &error));
    check_error(&error, "expected 7 elements of float64", "got 6 elements of float64 (6,)");
    CHECK(!pmipc_view_float64(&view, NULL, JOINTS - 2, &error));
    CHECK(!pmipc_view_float64(&view, NULL, -1, &error));
    CHECK(!pmipc_view_float64(&view, NULL, INT64_MAX, &error));
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(fields_are_found_by_name_and_counted_over_all_dimensions)
{
    pmipc_schema schema = robot_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_error error;
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK(pmipc_loan_float64(producer, &loan, "dq", JOINTS, &error) == loan.fields[1].data);
    CHECK(pmipc_loan_uint8(producer, &loan, "rgb", 4 * 5 * 3, &error) == loan.fields[3].data);
    CHECK(!pmipc_loan_uint8(producer, &loan, "rgb", 4, &error));
    check_error(&error, "expected 4 elements of uint8 in field 'rgb'", "got 60 elements of uint8 (4, 5, 3)");
    CHECK(!pmipc_loan_float64(producer, &loan, "ddq", JOINTS, &error));
    check_error(&error, "expected a field 'ddq'", "{q: float64 (7,), dq:");
    CHECK(!pmipc_loan_float64(producer, &loan, NULL, JOINTS, &error));
    check_error(&error, "expected a plain tensor", "{q: float64 (7,), dq:");
    loan.fields[0].length = 1000; /* ignored: 'q' is not variable */
    CHECK(pmipc_loan_float64(producer, &loan, "q", JOINTS, &error) == loan.fields[0].data);
    loan.fields[0].length = JOINTS;
    CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
    pmipc_view view = newest_view(stream);
    CHECK(pmipc_view_float64(&view, "q", JOINTS, &error) == view.fields[0].data);
    CHECK(pmipc_view_float64(&view, "mass", 1, &error) == view.fields[4].data);
    CHECK(!pmipc_view_float64(&view, NULL, JOINTS, &error));
    CHECK(!pmipc_view_data(&view, "raw", PMIPC_OPAQUE, JOINTS, &error));
    check_error(&error, "an opaque dtype has no C type", "{} (7,)");
    CHECK(!pmipc_view_uint64(&view, "raw", JOINTS, &error));
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(variable_field_is_counted_by_length_of_sample)
{
    pmipc_schema schema = robot_schema();
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_error error;
    pmipc_loan loan;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    CHECK(pmipc_loan_float32(producer, &loan, "points", 100 * 3, &error) == loan.fields[2].data);
    const int64_t bad[] = {101, -1, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        loan.fields[2].length = bad[i];
        CHECK(!pmipc_loan_float32(producer, &loan, "points", 100 * 3, &error));
        CHECK(!pmipc_loan_float32(producer, &loan, "points", bad[i], &error));
        check_error(&error, "points of the loan has length", "room for 0 to 100");
    }
    loan.fields[2].length = 20;
    CHECK(!pmipc_loan_float32(producer, &loan, "points", 100 * 3, &error));
    CHECK(pmipc_loan_float32(producer, &loan, "points", 20 * 3, &error) == loan.fields[2].data);
    CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
    pmipc_view view = newest_view(stream);
    CHECK(pmipc_view_float32(&view, "points", view.fields[2].length * 3, &error) == view.fields[2].data);
    CHECK(!pmipc_view_float32(&view, "points", 100 * 3, &error));
    check_error(&error, "expected 300 elements of float32 in field 'points'",
                "got 60 elements of float32 (up to 100, 3)");
    pmipc_view_release(&view);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(released_view_and_committed_loan_give_no_pointer)
{
    pmipc_schema schema = tensor_schema(PMIPC_INT16, 4);
    pmipc_producer *producer = producer_open("p", &schema, NULL);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_error error;
    pmipc_loan loan, other;
    CHECK_OK(pmipc_producer_loan(producer, &loan));
    other = loan;
    other.slot++;
    CHECK(!pmipc_loan_int16(producer, &other, NULL, 4, &error));
    CHECK(pmipc_loan_int16(producer, &loan, NULL, 4, &error));
    CHECK_OK(pmipc_producer_commit(producer, &loan, PMIPC_STAMP_NOW));
    CHECK(!pmipc_loan_int16(producer, &loan, NULL, 4, &error));
    CHECK_EQ(error.status, PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "this loan is not out");
    loan.slot = UINT32_MAX;
    CHECK(!pmipc_loan_int16(producer, &loan, NULL, 4, &error));
    pmipc_view view = newest_view(stream);
    pmipc_view window;
    CHECK_OK(pmipc_stream_get_window(stream, 1, 1, &window));
    CHECK(pmipc_view_int16(&window, NULL, 4, &error));
    pmipc_view_release(&window);
    pmipc_view_release(&view);
    CHECK(!pmipc_view_int16(&view, NULL, 4, &error));
    CHECK_EQ(error.status, PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "released");
    CHECK(!pmipc_view_int16(NULL, NULL, 4, NULL));
    CHECK(!pmipc_loan_int16(NULL, &loan, NULL, 4, NULL));
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
}

TEST(copied_view_gives_typed_pointers_and_pool_name)
{
    pmipc_producer *producer = bytes_producer("p", 16, 2);
    publish_frame(producer);
    pmipc_stream *stream = stream_open("p", NULL);
    pmipc_view views[PMIPC_MAX_VIEWS + 1];
    for (int i = 0; i <= PMIPC_MAX_VIEWS; i++)
        views[i] = newest_view(stream);
    CHECK(views[PMIPC_MAX_VIEWS].copied);
    pmipc_stream_close(stream);
    pmipc_producer_close(producer);
    pmipc_error error;
    CHECK(frame_is_whole(pmipc_view_uint8(&views[PMIPC_MAX_VIEWS], NULL, 16, &error), 16, 1));
    CHECK(!pmipc_view_bool(&views[PMIPC_MAX_VIEWS], NULL, 16, &error));
    check_error(&error, "expected 16 elements of bool", "got 16 elements of uint8 (16,)");
    for (int i = 0; i <= PMIPC_MAX_VIEWS; i++)
        pmipc_view_release(&views[i]);
}
