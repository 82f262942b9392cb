/* pair.c: see pair.h. */
#include "pair.h"

#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void pair_start(pair *self, int core, pair_main body)
{
    int orders[2], reports[2];
    const pid_t parent = getpid();
    if (pipe(orders) || pipe(reports)) {
        die("pipe: %s", strerror(errno));
    }
    self->pid = fork();
    if (self->pid < 0) {
        die("fork: %s", strerror(errno));
    }
    if (self->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(orders[1]);
        close(reports[0]);
        pin_to_core(core);
        body(orders[0], reports[1], parent);
        _exit(0);
    }
    close(orders[0]);
    close(reports[1]);
    self->orders = orders[1];
    self->reports = reports[0];
}

void pair_send(const pair *self, uint32_t service, uint64_t count)
{
    const pair_order order = {service, count};
    if (write(self->orders, &order, sizeof order) != (ssize_t)sizeof order) {
        die("the partner process has ended");
    }
}

void pair_await(const pair *self)
{
    char byte;
    if (read(self->reports, &byte, 1) != 1) {
        die("the partner process has ended");
    }
}

bool pair_take(int orders, pair_order *order)
{
    return read(orders, order, sizeof *order) == (ssize_t)sizeof *order;
}

void pair_report(int reports)
{
    if (write(reports, "!", 1) != 1) {
        _exit(1);
    }
}

void pair_stop(pair *self)
{
    close(self->orders);
    close(self->reports);
    (void)waitpid(self->pid, NULL, 0);
}
