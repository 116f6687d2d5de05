//! Walking the syntax tree.
//!
//! In: a node. Out: its children, once each, in the order of the source. It must not know what the walk is for.

use minijinja::machinery::ast::{CallArg, Expr, Stmt};

/// A node of the tree.
#[derive(Clone, Copy)]
pub(super) enum Node<'t, 's> {
    Stmt(&'t Stmt<'s>),
    Expr(&'t Expr<'s>),
}

/// Calls `visit` with every node below and including this one, children before their parents.
pub(super) fn upwards<'t, 's>(node: Node<'t, 's>, visit: &mut impl FnMut(Node<'t, 's>)) {
    let mut children = Vec::new();
    match node {
        Node::Stmt(stmt) => stmt_children(stmt, &mut children),
        Node::Expr(expr) => expr_children(expr, &mut children),
    }
    for child in children {
        upwards(child, visit);
    }
    visit(node);
}

type Children<'t, 's> = Vec<Node<'t, 's>>;

fn stmts<'t, 's>(list: &'t [Stmt<'s>], out: &mut Children<'t, 's>) {
    out.extend(list.iter().map(Node::Stmt));
}

fn exprs<'t, 's>(list: impl IntoIterator<Item = &'t Expr<'s>>, out: &mut Children<'t, 's>)
where
    's: 't,
{
    out.extend(list.into_iter().map(Node::Expr));
}

fn stmt_children<'t, 's>(stmt: &'t Stmt<'s>, out: &mut Children<'t, 's>) {
    match stmt {
        Stmt::Template(it) => stmts(&it.children, out),
        Stmt::EmitExpr(it) => exprs([&it.expr], out),
        Stmt::EmitRaw(_) => {}
        Stmt::ForLoop(it) => {
            exprs([&it.target, &it.iter], out);
            exprs(&it.filter_expr, out);
            stmts(&it.body, out);
            stmts(&it.else_body, out);
        }
        Stmt::IfCond(it) => {
            exprs([&it.expr], out);
            stmts(&it.true_body, out);
            stmts(&it.false_body, out);
        }
        Stmt::WithBlock(it) => {
            exprs(it.assignments.iter().flat_map(|(target, value)| [target, value]), out);
            stmts(&it.body, out);
        }
        Stmt::Set(it) => exprs([&it.target, &it.expr], out),
        Stmt::SetBlock(it) => {
            exprs([&it.target], out);
            exprs(&it.filter, out);
            stmts(&it.body, out);
        }
        Stmt::AutoEscape(it) => {
            exprs([&it.enabled], out);
            stmts(&it.body, out);
        }
        Stmt::FilterBlock(it) => {
            exprs([&it.filter], out);
            stmts(&it.body, out);
        }
        _ => module_children(stmt, out),
    }
}

/// The statements that span templates: blocks, imports, macros.
fn module_children<'t, 's>(stmt: &'t Stmt<'s>, out: &mut Children<'t, 's>) {
    match stmt {
        Stmt::Block(it) => stmts(&it.body, out),
        Stmt::Import(it) => exprs([&it.expr, &it.name], out),
        Stmt::FromImport(it) => {
            exprs([&it.expr], out);
            exprs(it.names.iter().flat_map(|(name, alias)| std::iter::once(name).chain(alias)), out);
        }
        Stmt::Extends(it) => exprs([&it.name], out),
        Stmt::Include(it) => exprs([&it.name], out),
        Stmt::Macro(it) => {
            exprs(it.args.iter().chain(&it.defaults), out);
            stmts(&it.body, out);
        }
        Stmt::CallBlock(it) => {
            exprs([&it.call.expr], out);
            exprs(it.call.args.iter().map(argument), out);
            exprs(it.macro_decl.args.iter().chain(&it.macro_decl.defaults), out);
            stmts(&it.macro_decl.body, out);
        }
        Stmt::Do(it) => {
            exprs([&it.call.expr], out);
            exprs(it.call.args.iter().map(argument), out);
        }
        _ => {}
    }
}

fn expr_children<'t, 's>(expr: &'t Expr<'s>, out: &mut Children<'t, 's>) {
    match expr {
        Expr::Var(_) | Expr::Const(_) => {}
        Expr::Slice(it) => {
            exprs([&it.expr], out);
            exprs(it.start.iter().chain(&it.stop).chain(&it.step), out);
        }
        Expr::UnaryOp(it) => exprs([&it.expr], out),
        Expr::BinOp(it) => exprs([&it.left, &it.right], out),
        Expr::Compare(it) => exprs(std::iter::once(&it.expr).chain(it.ops.iter().map(|op| &op.expr)), out),
        Expr::IfExpr(it) => {
            exprs([&it.true_expr, &it.test_expr], out);
            exprs(&it.false_expr, out);
        }
        Expr::Filter(it) => {
            exprs(&it.expr, out);
            exprs(it.args.iter().map(argument), out);
        }
        Expr::Test(it) => {
            exprs([&it.expr], out);
            exprs(it.args.iter().map(argument), out);
        }
        Expr::GetAttr(it) => exprs([&it.expr], out),
        Expr::GetItem(it) => exprs([&it.expr, &it.subscript_expr], out),
        Expr::Call(it) => {
            exprs([&it.expr], out);
            exprs(it.args.iter().map(argument), out);
        }
        Expr::List(it) => exprs(&it.items, out),
        Expr::Tuple(it) => exprs(&it.items, out),
        Expr::Map(it) => exprs(it.keys.iter().chain(&it.values), out),
    }
}

/// The expression of a call's argument, whatever its form.
pub(super) fn argument<'t, 's>(argument: &'t CallArg<'s>) -> &'t Expr<'s> {
    match argument {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) | CallArg::PosSplat(expr) | CallArg::KwargSplat(expr) => expr,
    }
}
