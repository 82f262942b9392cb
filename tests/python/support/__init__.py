"""What the tests are written with: child processes, the kernel's facts, frames that prove themselves."""
