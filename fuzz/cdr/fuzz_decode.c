/* fuzz_decode.c: any bytes as a message of one of the types below, read in all ways.
 *
 * The first byte chooses the type, the rest is the message. Properties:
 *   - visiting, decoding all leaves and decoding no leaf agree on whether the message is valid;
 *   - no column is written beyond its end (columns are exactly as long as needed, so the sanitizer detects it);
 *   - encoding the decoded columns and decoding the result gives the same columns and the same bytes. */
#include "fuzz.h"

#define MAX_LEAVES 64
#define MAX_PATH_BYTES 96

static const struct {
    const char *name;
    const char *text;
} descriptions[] = {
    {"fuzz/Joints", "Header header\nstring[] name\nfloat64[] position\nfloat64[] velocity\n"},
    {"fuzz/Picture", "Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 big\nuint8[] data\n"},
    {"fuzz/Cloud", "Header header\nField[] fields\nbool big\nuint32 step\nuint8[] data\nbool dense\n===\n"
                   "MSG: fuzz/Field\nstring name\nuint32 offset\nuint8 datatype\nuint32 count\n"},
    {"fuzz/Track", "Header header\nStamped[] poses\n===\nMSG: fuzz/Stamped\nHeader header\nPose pose\n===\n"
                   "MSG: fuzz/Pose\nfloat64[3] p\nfloat64[4] q\n"},
    {"fuzz/Tables",
     "Table[] tables\nTable[2] two\nuint8 last\n===\nMSG: fuzz/Table\nstring name\nRow[] rows\n===\n"
     "MSG: fuzz/Row\nint16[] cells\nstring[] labels\nbool[] flags\nEmpty nothing\n===\nMSG: fuzz/Empty\n"},
    {"fuzz/Bounded",
     "uint8[<=5] few\nstring<=3 brief\nstring<=2[<=3] both\nwstring<=2[] wide\nPair[<=2] pairs\nPair[2] two\n"
     "string[2] texts\n===\nMSG: fuzz/Pair\nuint8 a\nfloat64 b\n"},
    {"fuzz/Numbers",
     "bool a\nint8 b\nuint16 c\nint32 d\nuint64 e\nfloat32 f\nfloat64 g\nint64[3] h\nbool[3] i\nint8 j\n"
     "wstring k\nuint64[] l\nint16 m\nint32[] n\n"},
    {"fuzz/Blocks",
     "int8 a\nPoint b\nPoint[] c\nint8 d\nPoint[2] e\nBox f\n===\nMSG: fuzz/Point\nfloat64 x\nfloat64 y\n===\n"
     "MSG: fuzz/Box\nPoint[2] corners\nfloat64 z\n"},
};

#define TYPE_COUNT (sizeof descriptions / sizeof descriptions[0])

/* A type, and the plans that are compiled from it. */
struct subject {
    pmipc_cdr_types *types;
    uint32_t leaf_count;
    pmipc_cdr_leaf leaves[MAX_LEAVES];
    char paths[MAX_LEAVES][MAX_PATH_BYTES];
    pmipc_cdr_decoder *nothing;
    pmipc_cdr_decoder *copies;
    pmipc_cdr_decoder *spans;
    pmipc_cdr_encoder *encoder;
};

static struct subject subjects[TYPE_COUNT];

static bool is_text(pmipc_dtype dtype)
{
    return dtype == PMIPC_CDR_STRING || dtype == PMIPC_CDR_WSTRING;
}

static void add_leaf(struct subject *subject, const char *prefix, const char *name, const char *suffix,
                     pmipc_dtype dtype)
{
    REQUIRE(subject->leaf_count < MAX_LEAVES);
    char *path = subject->paths[subject->leaf_count];
    REQUIRE(snprintf(path, MAX_PATH_BYTES, "%s%s%s", prefix, name, suffix) < MAX_PATH_BYTES);
    subject->leaves[subject->leaf_count++] = (pmipc_cdr_leaf){.path = path, .dtype = dtype};
}

/* Add a leaf for each value of a message. */
static void add_leaves(struct subject *subject, const char *message, const char *prefix)
{
    pmipc_cdr_field fields[16];
    uint32_t count;
    REQUIRE(pmipc_cdr_types_fields(subject->types, message, fields, 16, &count, NULL) == PMIPC_OK && count <= 16);
    for (uint32_t i = 0; i < count; i++) {
        if (fields[i].is_sequence)
            add_leaf(subject, prefix, fields[i].name, "#", PMIPC_UINT32);
        if (fields[i].dtype != PMIPC_CDR_MESSAGE) {
            add_leaf(subject, prefix, fields[i].name, "", fields[i].dtype);
            continue;
        }
        char inner[MAX_PATH_BYTES];
        const char *suffix = fields[i].is_sequence || fields[i].is_array ? "[]." : ".";
        REQUIRE(snprintf(inner, sizeof inner, "%s%s%s", prefix, fields[i].name, suffix) < MAX_PATH_BYTES);
        add_leaves(subject, fields[i].type_name, inner);
    }
}

static void prepare(struct subject *subject, const char *name, const char *text)
{
    REQUIRE(pmipc_cdr_types_create(&subject->types, NULL) == PMIPC_OK);
    REQUIRE(pmipc_cdr_types_add(subject->types, name, text, strlen(text), NULL) == PMIPC_OK);
    add_leaves(subject, name, "");
    const uint32_t count = subject->leaf_count;
    REQUIRE(pmipc_cdr_decoder_create(&subject->nothing, subject->types, name, NULL, 0, NULL) == PMIPC_OK);
    REQUIRE(pmipc_cdr_decoder_create(&subject->copies, subject->types, name, subject->leaves, count, NULL) == PMIPC_OK);
    REQUIRE(pmipc_cdr_encoder_create(&subject->encoder, subject->types, name, subject->leaves, count, 0, NULL) ==
            PMIPC_OK);
    pmipc_cdr_leaf leaves[MAX_LEAVES];
    for (uint32_t i = 0; i < count; i++) {
        leaves[i] = subject->leaves[i];
        if (!is_text(leaves[i].dtype) && !strchr(leaves[i].path, '#'))
            leaves[i].flags = PMIPC_CDR_SPANS;
    }
    REQUIRE(pmipc_cdr_decoder_create(&subject->spans, subject->types, name, leaves, count, NULL) == PMIPC_OK);
}

/* Count, then decode into columns that are exactly as long as needed. */
static pmipc_status decode(const struct subject *subject, const pmipc_cdr_decoder *decoder, const uint8_t *message,
                           size_t bytes, pmipc_cdr_column *columns)
{
    memset(columns, 0, MAX_LEAVES * sizeof *columns);
    pmipc_status status = pmipc_cdr_decode(decoder, message, bytes, columns, NULL);
    for (uint32_t i = 0; !status && i < subject->leaf_count; i++) {
        bool spans = decoder == subject->spans && !strchr(subject->leaves[i].path, '#');
        size_t item = spans || is_text(subject->leaves[i].dtype) ? sizeof(pmipc_cdr_span)
                                                                 : PMIPC_DTYPE_BITS(subject->leaves[i].dtype) / 8;
        columns[i].capacity = columns[i].count;
        columns[i].data = require_memory(columns[i].count * item);
    }
    return status ? status : pmipc_cdr_decode(decoder, message, bytes, columns, NULL);
}

static void release(pmipc_cdr_column *columns)
{
    for (uint32_t i = 0; i < MAX_LEAVES; i++)
        free(columns[i].data);
}

static void require_equal(const struct subject *subject, const pmipc_cdr_column *one, const pmipc_cdr_column *other)
{
    for (uint32_t i = 0; i < subject->leaf_count; i++) {
        REQUIRE(one[i].count == other[i].count && one[i].rows == other[i].rows && one[i].ragged == other[i].ragged);
        pmipc_dtype dtype = subject->leaves[i].dtype;
        if (!is_text(dtype)) {
            REQUIRE(memcmp(one[i].data, other[i].data, one[i].count * PMIPC_DTYPE_BITS(dtype) / 8) == 0);
            continue;
        }
        const pmipc_cdr_span *texts = one[i].data, *others = other[i].data;
        for (uint64_t t = 0; t < one[i].count; t++) {
            REQUIRE(texts[t].count == others[t].count);
            if (dtype == PMIPC_CDR_STRING)
                REQUIRE(memcmp(texts[t].data, others[t].data, texts[t].count + 1) == 0);
        }
    }
}

static uint8_t *encode(const struct subject *subject, pmipc_cdr_column *columns, size_t *bytes)
{
    REQUIRE(pmipc_cdr_encode(subject->encoder, columns, NULL, 0, bytes, NULL) == PMIPC_NO_SPACE);
    uint8_t *message = require_memory(*bytes);
    REQUIRE(pmipc_cdr_encode(subject->encoder, columns, message, *bytes, bytes, NULL) == PMIPC_OK);
    return message;
}

static void encode_and_decode_again(const struct subject *subject, pmipc_cdr_column *columns)
{
    pmipc_cdr_column again[MAX_LEAVES];
    size_t first_bytes, second_bytes;
    uint8_t *first = encode(subject, columns, &first_bytes);
    REQUIRE(decode(subject, subject->copies, first, first_bytes, again) == PMIPC_OK);
    require_equal(subject, columns, again);
    uint8_t *second = encode(subject, again, &second_bytes);
    REQUIRE(first_bytes == second_bytes && memcmp(first, second, first_bytes) == 0);
    REQUIRE(first_bytes == 4 || pmipc_cdr_decode(subject->nothing, first, first_bytes - 1, NULL, NULL) != PMIPC_OK);
    release(again);
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    const size_t chosen = data[0] % TYPE_COUNT;
    struct subject *subject = &subjects[chosen];
    if (!subject->types)
        prepare(subject, descriptions[chosen].name, descriptions[chosen].text);
    uint8_t *message = require_memory(size - 1);
    memcpy(message, data + 1, size - 1);
    pmipc_error error;
    pmipc_cdr_column columns[MAX_LEAVES];
    pmipc_status visited =
        pmipc_cdr_visit(subject->types, descriptions[chosen].name, message, size - 1, NULL, NULL, &error);
    pmipc_status skipped = pmipc_cdr_decode(subject->nothing, message, size - 1, NULL, NULL);
    pmipc_status copied = decode(subject, subject->copies, message, size - 1, columns);
    /* Only copying and visiting check the values of bools. */
    REQUIRE(visited == copied && (visited == skipped || (visited == PMIPC_CORRUPT && skipped == PMIPC_OK)));
    REQUIRE(!visited || (error.status == visited && strncmp(error.text, "fuzz/msg/", 9) == 0));
    if (copied == PMIPC_OK)
        encode_and_decode_again(subject, columns);
    release(columns);
    REQUIRE(decode(subject, subject->spans, message, size - 1, columns) == skipped);
    release(columns);
    free(message);
    return 0;
}
