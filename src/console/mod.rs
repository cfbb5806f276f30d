pub enum Screen{Connect,Run,Tables}
pub struct Options{pub start:Screen,pub begin:Option<Option<crate::model::OnError>>,pub user:String}
impl Default for Options{fn default()->Self{Self{start:Screen::Run,begin:None,user:String::new()}}}
pub async fn run(_p: crate::host::Port,_o:Options)->Result<(),String>{Ok(())}
