// Package verify judges plans by the definition of what a plan is (Hoeller et al.
// 2020), and shares nothing with the planner but the problem and the plan: facts
// are strings, conditions are evaluated as they are written, nothing is compiled.
//
// A plan is right if
//
//   - its nodes are trees below the steps of the problem's network, each step a node
//     of its task and arguments, under values for the network's variables;
//   - each compound node is done by a method of its name for its task, under values
//     for the method's variables, of their types, which fit the arguments of the node
//     and of its steps and for which the constraints hold;
//   - the actions, in the order of the plan, can be done one after the other from the
//     initial state, and the goal holds in the end;
//   - of two steps that are ordered, all actions below the first come before all those
//     below the second;
//   - each method's precondition holds at a moment after everything that is ordered
//     before it, and before the first action below it, and not before that of the
//     method above.
//
// Besides judging a plan it can look for one, by trying all there is: see [Exists].
package verify
