/* victim.h: a process that runs to an exact instruction and is killed there.
 *
 * It is forked from the tracer, so that code and libraries have the same addresses in the tracer and in every victim.
 * It stops at the start of its operation. */
#ifndef FAULT_VICTIM_H
#define FAULT_VICTIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct victim {
    pid_t pid;
};

struct place {
    uint64_t address; /* of the next instruction */
    uint64_t stack;   /* stack pointer */
    bool is_call;     /* the next instruction is a system call */
    bool is_sleep;    /* it is a system call that sleeps on a futex */
};

/** Start a victim, run `prepare`, and stop it before the first instruction of `run`. */
struct victim victim_start(void (*prepare)(void), void (*run)(void));

struct place victim_place(const struct victim *victim);

/** The address of a victim whose operation has ended. */
uint64_t victim_end_address(void);

/** Execute the next instruction, at `address`; an instruction with a repeat prefix runs to its end. */
void victim_step(const struct victim *victim, uint64_t address);

/** Run until the instruction at `address` is the next one and has been executed `visits` times from now on. False: the
 * operation has ended before that. */
bool victim_run_to(const struct victim *victim, uint64_t address, uint32_t visits);

/** Sleeps of the victim do not end by their timeout. */
void victim_sleeps_forever(const struct victim *victim);

/** Run until the victim sleeps in the kernel. */
void victim_run_to_sleep(const struct victim *victim);

/** Send SIGKILL, and wait until the process and its children have ended. */
void victim_kill(const struct victim *victim);

#endif
