/* The least a process can cost: it starts and exits. */
int main(void) { return 0; }
