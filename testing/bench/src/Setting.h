#pragma once

#include "BenchEngine.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace Leasehold::Bench
{

using Seconds = std::chrono::duration<double>;

enum class Scale
{
    smoke, ///< only to see that it runs: the figures mean nothing
    usual,
    extended ///< --long: what takes minutes to hours too
};

struct Wishes
{
    Scale scale = Scale::usual;
    std::size_t repetitions = 7;
    EngineKind engine = EngineKind::openSearch3;
};

/// What a scenario runs in: how much it shall do, and the engine. Used on the main thread.
class Setting
{
public:
    explicit Setting(Wishes wishes);
    ~Setting();

    bool isSmoke() const { return _wishes.scale == Scale::smoke; }

    template <typename Value>
    Value pick(Value smoke, Value usual, Value extended) const
    {
        return _wishes.scale == Scale::smoke ? smoke : _wishes.scale == Scale::usual ? usual : extended;
    }
    template <typename Value>
    Value pick(Value smoke, Value otherwise) const
    {
        return isSmoke() ? smoke : otherwise;
    }

    std::size_t repetitions() const { return isSmoke() ? 1 : _wishes.repetitions; }

    /// How long one measurement takes before the other side has its turn.
    Seconds slice() const { return Seconds(isSmoke() ? 0.02 : 0.5); }

    /// Started, and run warm, at the first call.
    BenchEngine& engine();
    /// nullptr: no scenario has asked for it.
    const BenchEngine* startedEngine() const { return _engine.get(); }

    /// A folder of this run, which goes with it.
    const std::string& folder();

private:
    Wishes _wishes;
    std::unique_ptr<BenchEngine> _engine;
    std::string _folder;
};

} // namespace Leasehold::Bench
