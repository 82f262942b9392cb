/* Type descriptions: .msg text, paths, and wrong or hostile descriptions. */
#include "cdr_messages.h"

static pmipc_cdr_field field_of(pmipc_cdr_types *types, const char *message, const char *name)
{
    pmipc_cdr_field fields[32];
    uint32_t count;
    pmipc_error error;
    if (pmipc_cdr_types_fields(types, message, fields, LENGTH(fields), &count, &error) != PMIPC_OK)
        FAIL("%s", error.text);
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return fields[i];
    FAIL("%s has no field %s", message, name);
}

TEST(every_kind_of_field_is_parsed)
{
    static const char text[] =
        "# a comment, then an empty line with spaces\n   \n\r\n"
        "int32 A=1\n"
        "string B = hello # not part of it\n"
        "string<=5 C=\"#x=\"\n"
        "  float64\tx   1.5e-3   # indented, a tab, a default\r\n"
        "byte b\nchar c\nbool d true\nuint64[] e\nint16[7] f\nfloat32[<=9] g [1, .5,-2]\n"
        "string h\nstring<=10 i\nwstring<=3[<=4] j\ntime k\nHeader l\nOther m\nother_pkg/Thing[2] n\n"
        "other_pkg/srv/Call_Request o";
    pmipc_cdr_types *types = types_of("my_pkg/All", text);
    pmipc_error error;
    CHECK_OK(pmipc_cdr_types_add(types, "my_pkg/msg/Other", "", 0, &error));
    CHECK_OK(pmipc_cdr_types_add(types, "other_pkg/msg/Thing", "int8 x", 6, &error));
    CHECK_OK(pmipc_cdr_types_add(types, "other_pkg/srv/Call_Request", "int8 x\n", 7, &error));
    static const struct {
        const char *name;
        const char *type_name;
        pmipc_dtype dtype;
        bool is_array, is_sequence;
        uint32_t length, text_bound;
    } expected[] = {{"x", "float64", PMIPC_FLOAT64, false, false, 0, 0},
                    {"b", "uint8", PMIPC_UINT8, false, false, 0, 0},
                    {"c", "uint8", PMIPC_UINT8, false, false, 0, 0},
                    {"d", "bool", PMIPC_BOOL, false, false, 0, 0},
                    {"e", "uint64", PMIPC_UINT64, false, true, 0, 0},
                    {"f", "int16", PMIPC_INT16, true, false, 7, 0},
                    {"g", "float32", PMIPC_FLOAT32, false, true, 9, 0},
                    {"h", "string", PMIPC_CDR_STRING, false, false, 0, 0},
                    {"i", "string", PMIPC_CDR_STRING, false, false, 0, 10},
                    {"j", "wstring", PMIPC_CDR_WSTRING, false, true, 4, 3},
                    {"k", "builtin_interfaces/msg/Time", PMIPC_CDR_MESSAGE, false, false, 0, 0},
                    {"l", "std_msgs/msg/Header", PMIPC_CDR_MESSAGE, false, false, 0, 0},
                    {"m", "my_pkg/msg/Other", PMIPC_CDR_MESSAGE, false, false, 0, 0},
                    {"n", "other_pkg/msg/Thing", PMIPC_CDR_MESSAGE, true, false, 2, 0},
                    {"o", "other_pkg/srv/Call_Request", PMIPC_CDR_MESSAGE, false, false, 0, 0}};
    pmipc_cdr_field fields[32];
    uint32_t count;
    CHECK_OK(pmipc_cdr_types_fields(types, "my_pkg/msg/All", fields, LENGTH(fields), &count, &error));
    CHECK_EQ(count, LENGTH(expected));
    for (uint32_t i = 0; i < count; i++) {
        CHECK_TEXT(fields[i].name, expected[i].name);
        CHECK_TEXT(fields[i].type_name, expected[i].type_name);
        CHECK_EQ(fields[i].dtype, expected[i].dtype);
        CHECK_EQ(fields[i].is_array, expected[i].is_array);
        CHECK_EQ(fields[i].is_sequence, expected[i].is_sequence);
        CHECK_EQ(fields[i].length, expected[i].length);
        CHECK_EQ(fields[i].text_bound, expected[i].text_bound);
    }
    CHECK_TEXT(field_of(types, "my_pkg/Other", "structure_needs_at_least_one_member").type_name, "uint8");
    pmipc_cdr_types_destroy(types);
}

TEST(package_may_have_its_own_header)
{
    pmipc_cdr_types *types = types_of("a/A", "Header h\n" SEPARATOR "MSG: a/Header\nint8 mine\n");
    CHECK_TEXT(field_of(types, "a/A", "h").type_name, "a/msg/Header");
    pmipc_cdr_types_destroy(types);
    types = types_of("a/A", "Header h\nb/Header i\n");
    uint32_t count;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_types_fields(types, "a/A", NULL, 0, &count, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_TEXT(error.text, "a/msg/A, line 2: the type of field 'i' is not described: b/msg/Header");
    pmipc_cdr_types_destroy(types);
}

TEST(description_replaces_a_standard_message_until_it_is_resolved)
{
    static const char text[] = "int64 ticks\n";
    pmipc_cdr_types *types;
    pmipc_error error;
    CHECK_OK(pmipc_cdr_types_create(&types, &error));
    CHECK_OK(pmipc_cdr_types_add(types, "builtin_interfaces/Time", text, strlen(text), &error));
    CHECK_TEXT(field_of(types, "builtin_interfaces/Time", "ticks").type_name, "int64");
    CHECK_STATUS(pmipc_cdr_types_add(types, "builtin_interfaces/Time", text, strlen(text), &error),
                 PMIPC_INVALID_ARGUMENT);
    CHECK_TEXT(field_of(types, "std_msgs/Header", "frame_id").type_name, "string");
    CHECK_STATUS(pmipc_cdr_types_add(types, "std_msgs/Header", text, strlen(text), &error), PMIPC_INVALID_ARGUMENT);
    CHECK_TEXT(error.text, "std_msgs/msg/Header is described already");
    pmipc_cdr_types_destroy(types);
}

TEST(main_type_may_have_a_heading)
{
    pmipc_cdr_types *types = types_of("a/A", SEPARATOR "MSG: a/A\nB b\n" SEPARATOR "MSG: a/B\nint8 x\n");
    CHECK_TEXT(field_of(types, "a/A", "b").type_name, "a/msg/B");
    pmipc_cdr_types_destroy(types);
}

TEST(errors_in_msg_text_are_reported_with_their_line)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {{"int8 x\nfloat6 y\nint8\n", "a/msg/A, line 3: expected a type and then a name"},
                 {"int8 x\n$ y", "line 2: '' is not a type"},
                 {"int8 x\na//b y", "line 2: 'a//b' is not a type"},
                 {"int8 x\na/b/c/d y", "line 2: 'a/b/c/d' is not a type"},
                 {"int8x", "line 1: expected a type and then a name"},
                 {"int8 9x", "line 1: expected a type and then a name"},
                 {"int8 x-y", "line 1: '-' cannot be part of a name"},
                 {"int8 x\nint16 x", "line 2: two fields are called 'x'"},
                 {"int8[0] x", "line 1: the length of an array must be a number from 1"},
                 {"int8[<=0] x", "line 1: the length of an array"},
                 {"int8[-1] x", "line 1: the length of an array"},
                 {"int8[99999999999999999999] x", "line 1: the length of an array"},
                 {"int8[2147483648] x", "line 1: the length of an array"},
                 {"int8[3 x", "line 1: the length of an array"},
                 {"int8[<3] x", "line 1: the length of an array"},
                 {"string<=0 x", "line 1: the bound of a string"},
                 {"string<=x y", "line 1: the bound of a string"},
                 {"int8<=3 y", "line 1: expected a type and then a name"},
                 {"int8 x 128", "line 1: 'x': the value does not fit its type"},
                 {"int8 x -129", "line 1: 'x': the value does not fit its type"},
                 {"uint8 x -1", "'x': the value does not fit its type"},
                 {"uint64 X=18446744073709551616", "'X': the value does not fit its type"},
                 {"int64 X=-9223372036854775809", "'X': the value does not fit its type"},
                 {"int8 x 1.5", "'x': not an integer"},
                 {"int8 x 0x", "'x': not an integer"},
                 {"int8 X=", "'X': not an integer"},
                 {"float32 x 1,5", "'x': not a number"},
                 {"float32 x 1e39", "'x': the value does not fit its type"},
                 {"bool x maybe", "'x': a bool must be true, false, 1 or 0"},
                 {"string x \"abc", "'x': the string does not end with its quote"},
                 {"string x 'abc' d", "'x': unexpected text after the value"},
                 {"string<=2 x abc", "'x': the string is longer than its bound"},
                 {"string X=", "'X': a value is missing"},
                 {"wstring x \"\xff\"", "'x': not UTF-8"},
                 {"int8[] x 1", "'x': the value of an array must begin with '['"},
                 {"int8[] x [1", "'x': the value of an array must end with ']'"},
                 {"int8[] x [1,]", "'x': not an integer"},
                 {"int8[2] x [1]", "'x': the number of values does not fit"},
                 {"int8[<=2] x [1,2,3]", "'x': the number of values does not fit"},
                 {"int8[] X=[1]", "the constant 'X' cannot be an array"},
                 {"B x 1", "'x' is a message and cannot have a value"},
                 {"int8 x\n===\nint8 y", "line 3: expected 'MSG: package/Name'"},
                 {"int8 x\n===\nMSG: y z", "line 3: expected the name of a type"},
                 {"int8 x\n===\nMSG: y", "line 3: expected the name of a type"},
                 {"int8 x\n===\nIDL: a/b", "line 3: IDL descriptions are not supported"},
                 {"int8 x\n===\nMSG: a/A\nint8 y", "line 3: a/msg/A is described already"}};
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_cdr_types *types;
        pmipc_error error;
        size_t length = strlen(cases[i].text);
        char *exact = malloc(length);
        memcpy(exact, cases[i].text, length);
        CHECK_OK(pmipc_cdr_types_create(&types, &error));
        CHECK_STATUS(pmipc_cdr_types_add(types, "a/A", exact, length, &error), PMIPC_INVALID_ARGUMENT);
        CHECK_HAS(error.text, cases[i].words);
        free(exact);
        pmipc_cdr_types_destroy(types);
    }
}

TEST(type_names_are_checked)
{
    static const char *const names[] = {"",          "A",   "/A",    "a/",    "a//A",
                                        "a/msg/A/B", "9/A", "a/B c", "a-b/C", "a/\xc3\xa9"};
    pmipc_cdr_types *types = types_of("a/A", "int8 x");
    pmipc_error error;
    for (uint32_t i = 0; i < LENGTH(names); i++)
        CHECK_STATUS(pmipc_cdr_types_add(types, names[i], "", 0, &error), PMIPC_INVALID_ARGUMENT);
    char longest[PMIPC_CDR_MAX_NAME + 2] = "a/msg/";
    memset(longest + 6, 'A', PMIPC_CDR_MAX_NAME - 5);
    CHECK_STATUS(pmipc_cdr_types_add(types, longest, "", 0, &error), PMIPC_INVALID_ARGUMENT);
    longest[PMIPC_CDR_MAX_NAME] = '\0';
    CHECK_OK(pmipc_cdr_types_add(types, longest, "", 0, &error));
    CHECK_STATUS(pmipc_cdr_types_add(types, "a/msg/A", "", 0, &error), PMIPC_INVALID_ARGUMENT);
    pmipc_cdr_types_destroy(types);
}

TEST(hostile_descriptions_are_refused)
{
    char deep[8192], wide[8192];
    size_t deep_bytes = 0, wide_bytes = 0;
    for (int i = 0; i < 40; i++) {
        deep_bytes +=
            (size_t)snprintf(deep + deep_bytes, sizeof deep - deep_bytes, "M%d m\n" SEPARATOR "MSG: a/M%d\n", i, i);
        if (i < 28)
            wide_bytes += (size_t)snprintf(wide + wide_bytes, sizeof wide - wide_bytes,
                                           "M%d m\nM%d n\n" SEPARATOR "MSG: a/M%d\n", i, i, i);
    }
    const struct {
        const char *text;
        const char *words;
    } cases[] = {{"A a", "a/msg/A contains itself"},
                 {"B[] b\n===\nMSG: a/B\nA[] a", "contains itself"},
                 {deep, "is nested more than 32 messages deep"},
                 {wide, "is too large at field"},
                 {"int8[1073741825] x", "is too large at field 'x'"},
                 {"B[32768] x\n===\nMSG: a/B\nB2[32769] y\n===\nMSG: a/B2\nint8 z", "is too large at field 'x'"},
                 {"B[2147483647] x\n===\nMSG: a/B\nstring[250000000] y", "is too large at field"}};
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_cdr_types *types = types_of("a/A", cases[i].text);
        pmipc_cdr_decoder *decoder;
        pmipc_error error;
        for (int again = 0; again < 2; again++) {
            CHECK_STATUS(pmipc_cdr_decoder_create(&decoder, types, "a/A", NULL, 0, &error), PMIPC_INVALID_ARGUMENT);
            CHECK_HAS(error.text, cases[i].words);
        }
        pmipc_cdr_types_destroy(types);
    }
}

TEST(memory_of_a_description_is_proportional_to_its_length)
{
    /* As many strings as fit into the longest text that is allowed, and one byte more. */
    const size_t longest = 1u << 20;
    char *text = malloc(longest + 1);
    size_t length = (size_t)sprintf(text, "string[] s [a");
    while (length + 2 < longest)
        length += (size_t)sprintf(text + length, ",a");
    text[length++] = ']';
    memset(text + length, ' ', longest + 1 - length);
    pmipc_cdr_types *types;
    pmipc_error error;
    CHECK_OK(pmipc_cdr_types_create(&types, &error));
    CHECK_OK(pmipc_cdr_types_add(types, "a/A", text, longest, &error));
    CHECK_STATUS(pmipc_cdr_types_add(types, "a/B", text, longest + 1, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_HAS(error.text, "the description has 1048577 bytes");
    pmipc_cdr_types_destroy(types);
    free(text);
}

TEST(missing_type_may_be_added_after_a_failure)
{
    pmipc_cdr_types *types = types_of("a/A", "int32 first 3\nb/B x\n");
    pmipc_cdr_place place;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_types_find(types, "a/A", "x", &place, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_TEXT(error.text, "a/msg/A, line 2: the type of field 'x' is not described: b/msg/B");
    CHECK_OK(pmipc_cdr_types_add(types, "b/B", "int32 y\nint32 z", 15, &error));
    CHECK_OK(pmipc_cdr_types_find(types, "a/A", "x", &place, &error));
    CHECK_EQ(place.dtype, PMIPC_INT32);
    CHECK_OK(pmipc_cdr_types_find(types, "a/A", "", &place, &error));
    CHECK_EQ(place.shape[0], 3);
    CHECK_STATUS(pmipc_cdr_types_find(types, "c/C", "", &place, &error), PMIPC_INVALID_ARGUMENT);
    CHECK_TEXT(error.text, "c/msg/C is not described: add its .msg text");
    pmipc_cdr_types_destroy(types);
}

/* ---- paths ---- */

static const char tree_text[] =
    "Header header\nPose pose\nPose[] poses\nPose[<=4] few\nfloat32[3] k\nstring[] names\nPoint[2] ab\n"
    "uint8[] data\nMixed mixed\nWrap wrap\n===\n"
    "MSG: a/Pose\nPoint p\nQuat q\n===\nMSG: a/Point\nfloat64 x\nfloat64 y\nfloat64 z\n===\n"
    "MSG: a/Quat\nfloat64[4] q\n===\nMSG: a/Mixed\nfloat64 x\nfloat32 y\n===\n"
    "MSG: a/Wrap\nPoint[2] points\n";

TEST(path_has_a_dtype_and_a_shape)
{
    static const struct {
        const char *path;
        pmipc_dtype dtype;
        uint32_t ndim;
        int64_t shape[3];
    } cases[] = {{"header.stamp.sec", PMIPC_INT32, 0, {0}},
                 {"header.frame_id", PMIPC_CDR_STRING, 0, {0}},
                 {"pose", PMIPC_FLOAT64, 1, {7}},
                 {"pose.p", PMIPC_FLOAT64, 1, {3}},
                 {"pose.p.x", PMIPC_FLOAT64, 0, {0}},
                 {"pose.q", PMIPC_FLOAT64, 1, {4}},
                 {"pose.q.q", PMIPC_FLOAT64, 1, {4}},
                 {"poses", PMIPC_FLOAT64, 2, {-1, 7}},
                 {"poses[]", PMIPC_FLOAT64, 2, {-1, 7}},
                 {"poses[].p", PMIPC_FLOAT64, 2, {-1, 3}},
                 {"poses[].q.q", PMIPC_FLOAT64, 2, {-1, 4}},
                 {"poses#", PMIPC_UINT32, 0, {0}},
                 {"k", PMIPC_FLOAT32, 1, {3}},
                 {"names", PMIPC_CDR_STRING, 1, {-1}},
                 {"ab", PMIPC_FLOAT64, 2, {2, 3}},
                 {"ab[].z", PMIPC_FLOAT64, 1, {2}},
                 {"data#", PMIPC_UINT32, 0, {0}},
                 {"mixed", PMIPC_CDR_MESSAGE, 0, {0}},
                 {"header", PMIPC_CDR_MESSAGE, 0, {0}},
                 {"wrap", PMIPC_CDR_MESSAGE, 0, {0}},
                 {"", PMIPC_CDR_MESSAGE, 0, {0}}};
    pmipc_cdr_types *types = types_of("a/A", tree_text);
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_cdr_place place;
        pmipc_error error;
        if (pmipc_cdr_types_find(types, "a/A", cases[i].path, &place, &error) != PMIPC_OK)
            FAIL("%s", error.text);
        CHECK_EQ(place.dtype, cases[i].dtype);
        CHECK_EQ(place.ndim, cases[i].ndim);
        for (uint32_t d = 0; d < place.ndim; d++)
            CHECK_EQ(place.shape[d], cases[i].shape[d]);
    }
    pmipc_cdr_place place;
    CHECK_OK(pmipc_cdr_types_find(types, "std_msgs/Header", "stamp.sec", &place, NULL));
    CHECK_OK(pmipc_cdr_types_add(types, "std_msgs/Empty", "", 0, NULL));
    CHECK_OK(pmipc_cdr_types_find(types, "std_msgs/Empty", "", &place, NULL));
    CHECK_EQ(place.dtype, PMIPC_CDR_MESSAGE); /* its one byte is not a value */
    CHECK_OK(pmipc_cdr_types_find(types, "a/A", "few", &place, NULL));
    CHECK_EQ(place.shape[0], -1);
    CHECK_EQ(place.bounds[0], 4);
    pmipc_cdr_types_destroy(types);
}

TEST(wrong_path_is_refused_with_the_existing_fields)
{
    static const struct {
        const char *path;
        const char *words;
    } cases[] = {{"pos", "'pos': a/msg/A has no field 'pos'; its fields are header, pose, poses, few"},
                 {"pose.r", "'pose.r': a/msg/Pose has no field 'r'; its fields are p, q"},
                 {"pose.", "has no field ''"},
                 {".pose", "has no field ''"},
                 {"poses.p", "poses is a list of messages: name a field of its elements with '[].'"},
                 {"pose[].p", "pose has no elements"},
                 {"pose[]", "pose has no elements"},
                 {"pose#", "pose is not a sequence"},
                 {"k#", "k is not a sequence"},
                 {"k[].x", "k has elements without fields"},
                 {"names.x", "names has no fields"},
                 {"poses[0].p", "poses is followed by something other than"},
                 {"poses[]p", "poses is followed by something other than"},
                 {"poses##", "poses is followed by something other than"}};
    pmipc_cdr_types *types = types_of("a/A", tree_text);
    for (uint32_t i = 0; i < LENGTH(cases); i++) {
        pmipc_cdr_place place;
        pmipc_error error;
        CHECK_STATUS(pmipc_cdr_types_find(types, "a/A", cases[i].path, &place, &error), PMIPC_INVALID_ARGUMENT);
        CHECK_HAS(error.text, cases[i].words);
    }
    pmipc_cdr_types_destroy(types);
}

static void check_leaves_refused(const pmipc_cdr_leaf *leaves, uint32_t count, pmipc_status expected, const char *words)
{
    pmipc_cdr_types *types = types_of("a/A", tree_text);
    pmipc_cdr_decoder *decoder;
    pmipc_error error;
    CHECK_STATUS(pmipc_cdr_decoder_create(&decoder, types, "a/A", leaves, count, &error), expected);
    CHECK_HAS(error.text, words);
    CHECK(decoder == NULL);
    pmipc_cdr_types_destroy(types);
}

TEST(leaf_with_another_dtype_or_a_second_leaf_of_a_field_is_refused)
{
    const pmipc_cdr_leaf wrong = {.path = "k", .dtype = PMIPC_FLOAT64},
                         message = {.path = "mixed", .dtype = PMIPC_FLOAT64},
                         flags = {.path = "k", .dtype = PMIPC_FLOAT32, .flags = 2},
                         counts = {.path = "data#", .dtype = PMIPC_UINT32, .flags = PMIPC_CDR_SPANS};
    const pmipc_cdr_leaf twice[] = {{.path = "k", .dtype = PMIPC_FLOAT32}, {.path = "k[]", .dtype = PMIPC_FLOAT32}};
    const pmipc_cdr_leaf within[] = {{.path = "poses[].p.x", .dtype = PMIPC_FLOAT64},
                                     {.path = "poses", .dtype = PMIPC_FLOAT64}};
    check_leaves_refused(&wrong, 1, PMIPC_SCHEMA_MISMATCH, "a/msg/A: k is float32, not float64");
    check_leaves_refused(&message, 1, PMIPC_INVALID_ARGUMENT,
                         "'mixed' in a/msg/A is a message with fields of several dtypes");
    check_leaves_refused(&flags, 1, PMIPC_INVALID_ARGUMENT, "no flags except");
    check_leaves_refused(&counts, 1, PMIPC_INVALID_ARGUMENT, "counts cannot be spans");
    check_leaves_refused(twice, 2, PMIPC_INVALID_ARGUMENT, "two paths lead to k");
    check_leaves_refused(within, 2, PMIPC_INVALID_ARGUMENT, "two paths lead to poses");
}

static bool stop_at_once(void *context, const pmipc_cdr_event *event)
{
    CHECK_EQ(event->kind, PMIPC_CDR_MESSAGE_BEGIN);
    ++*(int *)context;
    return false;
}

TEST(visitor_may_end_the_walk)
{
    pmipc_cdr_types *types = types_of(JOINT_STATE, JOINT_STATE_TEXT);
    message_bytes message = from_hex(joint_state_golden);
    pmipc_error error;
    int seen = 0;
    CHECK_STATUS(pmipc_cdr_visit(types, JOINT_STATE, message.data, message.count, stop_at_once, &seen, &error),
                 PMIPC_INTERRUPTED);
    CHECK_EQ(seen, 1);
    pmipc_cdr_types_destroy(types);
}
