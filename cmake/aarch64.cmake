# Cross-compile for 64-bit ARM with Debian's gcc-aarch64-linux-gnu; programs run under qemu-user (`make aarch64`).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
# No C++ compiler: the test of the headers in C++ does not depend on the machine.
set(CMAKE_CXX_COMPILER "")
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
