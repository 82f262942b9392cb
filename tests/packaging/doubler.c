/* doubler.c: read COUNT samples of one pool and publish each, doubled, to another.
 *
 *     doubler FROM TO COUNT */
#include <polymorph_ipc/polymorph_ipc.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUES = 7 };

static const int64_t TIMEOUT_NS = 20000000000;

static int fail(const char *what, pmipc_status status, const pmipc_error *error)
{
    fprintf(stderr, "doubler: %s: %s: %s\n", what, pmipc_status_name(status), error->text);
    return 1;
}

static int double_samples(pmipc_stream *from, pmipc_producer *to, long count)
{
    for (long done = 0; done < count; done++) {
        pmipc_view view;
        pmipc_error error;
        pmipc_status status = pmipc_stream_get_next(from, TIMEOUT_NS, &view);
        if (status != PMIPC_OK) {
            pmipc_stream_last_error(from, &error);
            return fail("get_next", status, &error);
        }
        const double *values = pmipc_view_float64(&view, NULL, VALUES, &error);
        if (!values)
            return fail("view", error.status, &error);
        pmipc_loan frame;
        status = pmipc_producer_loan(to, &frame);
        if (status == PMIPC_OK) {
            double *doubled = pmipc_loan_float64(to, &frame, NULL, VALUES, &error);
            for (int i = 0; doubled && i < VALUES; i++)
                doubled[i] = 2.0 * values[i];
            status = pmipc_producer_commit(to, &frame, view.stamp_ns);
        }
        pmipc_view_release(&view);
        if (status != PMIPC_OK) {
            pmipc_producer_last_error(to, &error);
            return fail("publish", status, &error);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int64_t shape[] = {VALUES};
    const pmipc_schema schema = pmipc_schema_tensor(PMIPC_FLOAT64, 1, shape);
    const pmipc_stream_options stream_options = {.expect = &schema, .start_oldest = true};
    const pmipc_producer_options producer_options = {.keep = true};
    pmipc_error error;
    pmipc_stream *from;
    pmipc_status status = pmipc_stream_open(&from, argv[1], &stream_options, &error);
    if (status != PMIPC_OK)
        return fail("stream", status, &error);
    pmipc_producer *to;
    status = pmipc_producer_open(&to, argv[2], &schema, &producer_options, &error);
    if (status != PMIPC_OK)
        return fail("producer", status, &error);
    printf("%s\n", pmipc_version());
    int failure = double_samples(from, to, strtol(argv[3], NULL, 10));
    pmipc_producer_close(to);
    pmipc_stream_close(from);
    return failure;
}
