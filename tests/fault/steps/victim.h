/* victim.h: a process that is run to an exact instruction, and killed there.
 *
 * It is forked from the tracer, so that code and libraries lie at the same addresses in both and in every victim, and
 * stops where its operation begins. */
#ifndef FAULT_VICTIM_H
#define FAULT_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct victim {
    pid_t pid;
};

struct place {
    uint64_t address; /* of the instruction that is executed next */
    uint64_t stack;   /* stack pointer */
    bool is_call;     /* it is a system call */
    bool is_sleep;    /* and one that sleeps on a futex */
};

/** Prepare, and stop before the first instruction of `run`. */
struct victim victim_start(void (*prepare)(void), void (*run)(void));

struct place victim_place(const struct victim *victim);

/** Where a victim is once its operation has ended. */
uint64_t victim_end_address(void);

/** Execute the instruction at `address`, which is next; one with a repeat prefix to its end. */
void victim_step(const struct victim *victim, uint64_t address);

/** Go on until the instruction at `address` is about to be executed after having been executed `visits` times since
 * now. False: the operation has ended before. */
bool victim_run_to(const struct victim *victim, uint64_t address, uint32_t visits);

/** Sleeps of its do not end by themselves. */
void victim_sleeps_for_ever(const struct victim *victim);

/** Go on until it sleeps in the kernel. */
void victim_run_to_sleep(const struct victim *victim);

/** SIGKILL, and wait until the process is gone, and whatever it has forked. */
void victim_kill(const struct victim *victim);

#endif
