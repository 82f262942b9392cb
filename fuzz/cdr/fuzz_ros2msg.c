/* fuzz_ros2msg.c: any bytes as .msg text. If it is valid, a message of the type with default values can be encoded and
 * decoded. */
#include "fuzz.h"

#define ROOM (1u << 16)

static void use(pmipc_cdr_types *types)
{
    static const uint8_t zeros[ROOM] = {0, 1};
    pmipc_cdr_decoder *decoder;
    pmipc_cdr_encoder *encoder;
    pmipc_error error;
    if (pmipc_cdr_decoder_create(&decoder, types, "a/A", NULL, 0, &error) != PMIPC_OK) {
        REQUIRE(error.status == PMIPC_INVALID_ARGUMENT && error.text[0]);
        return;
    }
    REQUIRE(pmipc_cdr_encoder_create(&encoder, types, "a/A", NULL, 0, 0, NULL) == PMIPC_OK);
    /* Zeros are a valid message of each type that is small enough. */
    pmipc_status status = pmipc_cdr_visit(types, "a/A", zeros, ROOM, NULL, NULL, NULL);
    REQUIRE(status == PMIPC_OK || status == PMIPC_CORRUPT);
    REQUIRE(pmipc_cdr_decode(decoder, zeros, ROOM, NULL, NULL) == status);
    size_t bytes = 0;
    if (status == PMIPC_OK) {
        REQUIRE(pmipc_cdr_encode(encoder, NULL, NULL, 0, &bytes, NULL) == PMIPC_NO_SPACE);
        uint8_t *message = require_memory(bytes);
        REQUIRE(pmipc_cdr_encode(encoder, NULL, message, bytes, &bytes, NULL) == PMIPC_OK);
        REQUIRE(pmipc_cdr_visit(types, "a/A", message, bytes, NULL, NULL, NULL) == PMIPC_OK);
        REQUIRE(pmipc_cdr_decode(decoder, message, bytes, NULL, NULL) == PMIPC_OK);
        REQUIRE(pmipc_cdr_decode(decoder, message, bytes - 1, NULL, NULL) == PMIPC_CORRUPT);
        free(message);
    }
    pmipc_cdr_encoder_destroy(encoder);
    pmipc_cdr_decoder_destroy(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pmipc_cdr_types *types;
    pmipc_error error;
    char *text = require_memory(size);
    memcpy(text, data, size);
    REQUIRE(pmipc_cdr_types_create(&types, NULL) == PMIPC_OK);
    if (pmipc_cdr_types_add(types, "a/A", text, size, &error) == PMIPC_OK)
        use(types);
    else
        REQUIRE(error.status == PMIPC_INVALID_ARGUMENT && strstr(error.text, "line "));
    pmipc_cdr_types_destroy(types);
    free(text);
    return 0;
}
