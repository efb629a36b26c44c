"""SIGKILL the broker: at each step of a turn, and at random moments, its start among them.

Agents and customer stay, and talk to whatever broker is there next. Nothing that was confirmed may be
missing then, and nothing may have happened twice.
"""

import asyncio
import signal

from guildbus.launch.bench.faults.arena import arena
from guildbus.launch.bench.faults.kill_switch import STEPS
from guildbus.launch.bench.faults.scenario import Outcome, Trial


async def at_each_step(trial: Trial) -> Outcome:
    """`count` brokers; each works for a moment, and then dies at the next step of the list."""
    outcome = Outcome()
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open()
        async with scene.fed():
            for number in range(trial.count):
                step = STEPS[number % len(STEPS)]
                died = await scene.kill_broker()
                doomed = await scene.start_broker(
                    "kill_switch:run", step=step, passes=trial.chance.randint(1, 12)
                )
                if not await scene.works_again(died, outcome):
                    break
                doomed.signal(signal.SIGUSR1)
                if not await doomed.ends(scene.patience_s):
                    outcome.hangs += 1
                    outcome.wrong.append(f"the broker did not come to the step {step!r} any more")
                    break
                outcome.faults += 1
            died = await scene.kill_broker()
            await scene.start_broker()
            await scene.works_again(died, outcome)
        await scene.judge(outcome)
    outcome.notes.append(f"the steps: {', '.join(STEPS)}")
    return outcome


async def at_random(trial: Trial) -> Outcome:
    """`count` kills from outside: one in five while the broker starts, the others while it works."""
    outcome = Outcome()
    async with arena(trial) as scene:
        await scene.start_broker()
        await scene.open()
        async with scene.fed():
            while outcome.faults < trial.count:
                died = await scene.kill_broker()
                outcome.faults += 1
                while trial.chance.random() < 0.2 and outcome.faults < trial.count:
                    await scene.launch_broker()
                    await asyncio.sleep(trial.chance.uniform(0.0, 0.02))
                    await scene.kill_broker()
                    outcome.faults += 1
                await scene.start_broker()
                if not await scene.works_again(died, outcome):
                    break
                await asyncio.sleep(trial.chance.uniform(0.0, 0.2))
        await scene.judge(outcome)
    return outcome
