// Main program of the compiled simulator: two clocks, and cocotb only where it has something to do.
//
// cocotb's own main program asks the VPI several times at every time step, which costs more than the chip. Here
// Python is woken by two things only: a change of the port `status`, and a time that it has asked for. In the
// time steps around those, everything that a cocotb test may wait for is served as usual.

#include <algorithm>
#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_vpi.h"

extern "C" void vlog_startup_routines_bootstrap();

namespace {

void settle() {
    while (VerilatedVpi::callValueCbs()) {}
}

void evaluateAndServe(Vtop& top) {
    do {
        do {
            top.eval();
            VerilatedVpi::clearEvalNeeded();
            VerilatedVpi::doInertialPuts();
            settle();
        } while (VerilatedVpi::evalNeeded());
        VerilatedVpi::callCbs(cbReadWriteSynch);
        VerilatedVpi::doInertialPuts();
        settle();
    } while (VerilatedVpi::evalNeeded());
    VerilatedVpi::callCbs(cbReadOnlySynch);
}

bool somethingPending() {
    return VerilatedVpi::hasCbs(cbReadWriteSynch) || VerilatedVpi::hasCbs(cbReadOnlySynch)
           || VerilatedVpi::hasCbs(cbNextSimTime);
}

}  // namespace

int main(int argc, char** argv) {
    Verilated::commandArgs(argc, argv);
    VerilatedContext& context = *Verilated::threadContextp();
    const auto top = std::make_unique<Vtop>("");
    Verilated::fatalOnVpiError(false);
    vlog_startup_routines_bootstrap();
    VerilatedVpi::callCbs(cbStartOfSimulation);
    settle();
    evaluateAndServe(*top);

    std::uint64_t edge = APPLICATION_HALF_FS;
    std::uint64_t metrologyEdge = METROLOGY_HALF_FS;
    while (!Verilated::gotFinish()) {
        std::uint64_t deadline = VerilatedVpi::cbNextDeadline();
        bool serving = somethingPending();
        const auto status = top->status;
        std::uint64_t now;
        do {
            now = std::min({edge, metrologyEdge, deadline});
            context.time(now);
            if (now == edge) {
                top->clk = !top->clk;
                edge += APPLICATION_HALF_FS;
            }
            if (now == metrologyEdge) {
                top->metrology_clk = !top->metrology_clk;
                metrologyEdge += METROLOGY_HALF_FS;
            }
            if (serving || now == deadline) break;
            top->eval();
        } while (top->status == status);
        if (serving) {
            VerilatedVpi::callCbs(cbNextSimTime);
            settle();
        }
        if (now == deadline) {
            VerilatedVpi::callTimedCbs();
            settle();
        }
        evaluateAndServe(*top);
    }
    top->final();
    VerilatedVpi::callCbs(cbEndOfSimulation);
    return context.errorCount() > 0 ? 1 : 0;
}
