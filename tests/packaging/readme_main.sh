#!/usr/bin/env bash
# Print a program that contains the README's unchanged C quick start: readme_main.sh README.md > program.c
set -euo pipefail
snippet=$(awk '/^```c$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$1")
[ -n "$snippet" ] || { echo "$1 has no C quick start" >&2; exit 1; }
cat <<END
$(grep '^#include' <<<"$snippet")
#include <stdio.h>
#include <stdlib.h>

#define MS 1000000

static double target[7];

static void die(const char *text)
{
    fprintf(stderr, "%s\n", text);
    exit(1);
}

static void read_encoders(double *joints)
{
    for (int i = 0; i < 7; i++)
        joints[i] = i;
}

static void report(const pmipc_producer *producer)
{
    pmipc_error error;
    pmipc_producer_last_error(producer, &error);
    die(error.text);
}

static void interpolate(const double *joints, double *to)
{
    for (int i = 0; i < 7; i++)
        to[i] += joints[i];
}

int main(void)
{
$(grep -v '^#include' <<<"$snippet" | sed 's/^pmipc_stream_close/printf("%llu %g\\n", (unsigned long long)pmipc_producer_seq(arm), target[0]);\n&/')
    return 0;
}
END
